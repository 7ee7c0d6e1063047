//! The release: one archive with everything a machine without Rust needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build::{self, cargo, root, target_directory};
use crate::command::{Failed, exists, output, run};
use crate::licences;

/// Runs on any Linux of this architecture, whatever its C library.
const TARGET: &str = "x86_64-unknown-linux-musl";
const BINARY: &str = "capillary-aep-sink";
/// Files and directories that go along as they are.
const ALONG: [(&str, &str); 11] = [
    ("connector/Connector.toml", "Connector.toml"),
    ("connector.yaml", "connector.yaml"),
    (
        "smartmodule/SmartModule.toml",
        "capillary-xdm/SmartModule.toml",
    ),
    (
        "smartmodule/events/SmartModule.toml",
        "capillary-xdm-events/SmartModule.toml",
    ),
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("CONTRIBUTING.md", "CONTRIBUTING.md"),
    ("SECURITY.md", "SECURITY.md"),
    ("LICENSE", "LICENSE"),
    ("docs", "docs"),
    ("observability", "observability"),
];

/// Builds the archive and prints its path.
pub(crate) fn run_dist(arguments: &[String]) -> Result<(), Failed> {
    let target = match arguments {
        [] => TARGET,
        [option, target] if option == "--target" => target,
        _ => return Err(Failed::new("dist takes nothing but --target TRIPLE")),
    };
    let wasm = build::smartmodule()?;
    let events = build::events()?;
    let binary = binary(target)?;
    let name = format!("capillary-aep-{}-{target}", env!("CARGO_PKG_VERSION"));
    let dist = target_directory().join("dist");
    let directory = dist.join(&name);
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(|error| failed("clear", &directory, &error))?;
    }
    put(&binary, &directory.join(BINARY))?;
    put(&wasm, &directory.join("capillary-xdm/capillary_xdm.wasm"))?;
    put(
        &events,
        &directory.join("capillary-xdm-events/capillary_xdm_events.wasm"),
    )?;
    for (from, to) in ALONG {
        put(&root().join(from), &directory.join(to))?;
    }
    let third_parties = directory.join("THIRD-PARTY-LICENSES.txt");
    fs::write(&third_parties, licences::of(target)?)
        .map_err(|error| failed("write", &third_parties, &error))?;
    checksums(&directory)?;
    let archive = archive(&dist, &name)?;
    println!("{}", archive.display());
    Ok(())
}

/// The connector for a target, in release. One for musl must need no library of the machine it runs
/// on.
fn binary(target: &str) -> Result<PathBuf, Failed> {
    build::install_target(target)?;
    let is_static = target.ends_with("musl");
    // TLS and compression are C code; a compiler named for the target is somebody's own way.
    let named = std::env::var_os(format!("CC_{}", target.replace('-', "_"))).is_some();
    if is_static && target != host() && !named && !exists("musl-gcc", "--version") {
        return Err(Failed::new(format!(
            "{target} needs a C compiler for musl: `apt-get install musl-tools` on Debian, `dnf \
            install musl-gcc` on Fedora; or run `cargo xtask dist --target {}`, whose binary needs \
            the C library of the machine it runs on",
            host()
        )));
    }
    run(cargo().args([
        "build",
        "--release",
        "--locked",
        "--package",
        BINARY,
        "--target",
        target,
    ]))?;
    let binary = target_directory().join(target).join("release").join(BINARY);
    let bytes = fs::read(&binary).map_err(|error| failed("read", &binary, &error))?;
    if is_static && asks_for_a_loader(&bytes) {
        return Err(Failed::new(format!("{} is not static", binary.display())));
    }
    Ok(binary)
}

/// The platform this program was built for.
fn host() -> &'static str {
    if cfg!(target_env = "musl") {
        "x86_64-unknown-linux-musl"
    } else {
        "x86_64-unknown-linux-gnu"
    }
}

/// Whether an ELF file of 64 bits names an interpreter, as every dynamically linked one does.
fn asks_for_a_loader(elf: &[u8]) -> bool {
    const INTERPRETER: u32 = 3;
    let number = |at: usize, length: usize| {
        let bytes = elf.get(at..at + length).unwrap_or_default();
        bytes
            .iter()
            .rev()
            .fold(0_usize, |number, byte| (number << 8) | usize::from(*byte))
    };
    let (table, entry, count) = (number(0x20, 8), number(0x36, 2), number(0x38, 2));
    (0..count).any(|index| number(table + index * entry, 4) == INTERPRETER as usize)
}

/// Copies a file, or a directory with all that is in it.
fn put(from: &Path, to: &Path) -> Result<(), Failed> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|error| failed("make", parent, &error))?;
    }
    if !from.is_dir() {
        return fs::copy(from, to)
            .map(drop)
            .map_err(|error| failed("copy", from, &error));
    }
    for entry in fs::read_dir(from).map_err(|error| failed("list", from, &error))? {
        let entry = entry.map_err(|error| failed("list", from, &error))?;
        put(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Writes `SHA256SUMS`, which `sha256sum --check` reads.
fn checksums(directory: &Path) -> Result<(), Failed> {
    let mut files = Vec::new();
    list(directory, directory, &mut files)?;
    files.sort();
    let sums = output(
        Command::new("sha256sum")
            .current_dir(directory)
            .arg("--")
            .args(&files),
    )?;
    let path = directory.join("SHA256SUMS");
    fs::write(&path, sums).map_err(|error| failed("write", &path, &error))
}

fn list(directory: &Path, base: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failed> {
    for entry in fs::read_dir(directory).map_err(|error| failed("list", directory, &error))? {
        let path = entry
            .map_err(|error| failed("list", directory, &error))?
            .path();
        if path.is_dir() {
            list(&path, base, files)?;
        } else if let Ok(relative) = path.strip_prefix(base) {
            files.push(relative.to_owned());
        }
    }
    Ok(())
}

/// Packs the directory; the same content gives the same archive.
fn archive(dist: &Path, name: &str) -> Result<PathBuf, Failed> {
    let archive = format!("{name}.tar.gz");
    // Never newer than the sources, nor different at each run.
    let time =
        output(cargo_git().args(["log", "-1", "--format=@%ct"])).unwrap_or_else(|_| b"@0".to_vec());
    let time = String::from_utf8_lossy(&time).trim().to_owned();
    run(Command::new("tar")
        .current_dir(dist)
        .args([
            "--create",
            // Without the name and time gzip would write down.
            "--use-compress-program=gzip -n",
            "--mode=u+rw,go=rX",
            "--sort=name",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
        ])
        .arg(format!("--mtime={time}"))
        .arg("--file")
        .args([archive.as_str(), name]))?;
    let sum = output(Command::new("sha256sum").current_dir(dist).arg(&archive))?;
    let path = dist.join(format!("{archive}.sha256"));
    fs::write(&path, sum).map_err(|error| failed("write", &path, &error))?;
    Ok(dist.join(archive))
}

fn cargo_git() -> Command {
    let mut git = Command::new("git");
    git.current_dir(root());
    git
}

fn failed(action: &str, path: &Path, error: &std::io::Error) -> Failed {
    Failed::new(format!("cannot {action} {}: {error}", path.display()))
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one program header of this type.
    fn elf(kind: u8) -> Vec<u8> {
        let mut elf = vec![0; 0x40 + 0x38];
        elf[0x20] = 0x40;
        elf[0x36] = 0x38;
        elf[0x38] = 1;
        elf[0x40] = kind;
        elf
    }

    #[test]
    fn archive_holds_what_its_documents_link_to() {
        let mut documents = Vec::new();
        list(&root().join("docs"), &root(), &mut documents).unwrap();
        documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
        documents.push("README.md".into());
        for document in documents {
            let text = fs::read_to_string(root().join(&document)).unwrap();
            let links = text
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split([')', '#']).next());
            for link in links.filter(|link| !link.is_empty() && !link.contains("://")) {
                let mut place = document.parent().unwrap().to_owned();
                for part in Path::new(link) {
                    match part.to_str().unwrap() {
                        ".." => assert!(place.pop(), "{}: {link}", document.display()),
                        part => place.push(part),
                    }
                }
                // Sources stay in the repository.
                if place.starts_with("tests") {
                    continue;
                }
                let goes_along = ALONG
                    .iter()
                    .any(|(from, to)| from == to && place.starts_with(to));
                assert!(
                    goes_along && root().join(&place).exists(),
                    "{}: {link}",
                    document.display()
                );
            }
        }
    }

    #[test]
    fn dynamically_linked_program_is_known_by_its_interpreter() {
        assert!(asks_for_a_loader(&elf(3)));
        assert!(!asks_for_a_loader(&elf(1)));
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(
            asks_for_a_loader(&own),
            cfg!(target_env = "gnu"),
            "this very program"
        );
    }
}
