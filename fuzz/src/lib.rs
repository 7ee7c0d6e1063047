//! Fuzzing on stable Rust, as ordinary tests.
//!
//! The connector is a binary crate, so its parsers can only be reached from inside: a target is a
//! test named `fuzzed_…` that hands [`fuzz`] a closure of assertions. Each run first repeats the
//! stored corpus (`fuzz/corpus/<target>/`), then mutates it with a seeded generator. There is no
//! coverage guidance, which needs an instrumented compiler; in its place an input whose *outcome*
//! (what the closure returns) was not seen before becomes a parent of further inputs.
//!
//! `cargo xtask fuzz --seconds N` runs every target for that long. The environment decides for a
//! single one: `FUZZ_SECONDS` or `FUZZ_EXECUTIONS` how long, `FUZZ_SEED` where the generator
//! begins, `FUZZ_REPORT` which file the count of executions is appended to.
//!
//! An input that fails is kept in the corpus as `crash-<hash>`, so the next run begins with it. The
//! input at work is also kept, as `running-<process>`, because the end of the stack or of the
//! memory leaves no time to write: if the process dies, that file stays behind, and the next run
//! begins with it as well.

mod corpus;
mod hash;
mod mutate;
mod watch;

use std::collections::HashSet;
use std::hash::Hash;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use corpus::Corpus;
use hash::hash;
pub use mutate::Mutator;
use watch::Watch;

/// What a target is made of, apart from its assertions.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// The name, and the folder of its corpus below `fuzz/corpus`.
    pub name: &'a str,
    /// Inputs to begin with, besides the stored ones.
    pub seeds: Vec<Vec<u8>>,
    /// Words of the input's language, which chance alone would not spell.
    pub dictionary: &'a [&'a str],
    /// Mutated inputs per run, unless the environment says otherwise: about a second's worth.
    pub executions: u64,
}

/// Most inputs that become parents; beyond it new outcomes replace old ones.
const MAX_PARENTS: usize = 4_096;
/// The start of the generator when a run is not asked to be longer: CI is to repeat itself.
const SEED: u64 = 20_261_123;

/// When to end.
enum Until {
    Executions(u64),
    Elapsed(Duration),
}

/// Runs a target. `check` asserts what must hold for any input whatever, and returns what came out,
/// so that inputs with new outcomes are followed.
///
/// # Panics
/// With the assertion that failed, after the input was kept and its place printed.
pub fn fuzz<T: Hash>(target: Target<'_>, mut check: impl FnMut(&[u8]) -> T) {
    let corpus = Corpus::open(target.name);
    let stored = corpus.inputs();
    let (until, seed) = plan(target.executions);
    let began = Instant::now();
    let mut running = corpus.running();
    let watch = Watch::start(target.name);
    let mut seen = HashSet::new();
    let mut executions = 0_u64;
    let mut run = |input: &[u8]| {
        running.keep(input);
        executions += 1;
        watch.tick();
        match catch_unwind(AssertUnwindSafe(|| check(input))) {
            Ok(outcome) => seen.insert(hash(&outcome)),
            Err(panic) => {
                let kept = corpus.keep_crash(input);
                println!(
                    "fuzz {}: failed with the input kept in {} (seed {seed}, execution {executions}); any run repeats it first",
                    target.name,
                    kept.display()
                );
                resume_unwind(panic)
            }
        }
    };
    let mut parents: Vec<Vec<u8>> = stored.into_iter().chain(target.seeds).collect();
    for input in &parents {
        run(input);
    }
    if parents.is_empty() {
        parents.push(Vec::new());
    }
    let originals = parents.len();
    let mut mutator = Mutator::new(seed ^ hash(&target.name), target.dictionary);
    let mut mutated = 0;
    while match until {
        Until::Executions(most) => mutated < most,
        Until::Elapsed(most) => began.elapsed() < most,
    } {
        let input = mutator.mutate(&parents);
        mutated += 1;
        if run(&input) {
            if parents.len() < originals + MAX_PARENTS {
                parents.push(input);
            } else {
                let replaced = originals + mutator.below(MAX_PARENTS);
                parents[replaced] = input;
            }
        }
    }
    report(target.name, executions, seen.len(), began.elapsed());
}

fn plan(executions: u64) -> (Until, u64) {
    let number = |name: &str| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
    let until = match (number("FUZZ_SECONDS"), number("FUZZ_EXECUTIONS")) {
        (Some(seconds), _) => Until::Elapsed(Duration::from_secs(seconds)),
        (None, Some(executions)) => Until::Executions(executions),
        (None, None) => {
            return (
                Until::Executions(executions),
                number("FUZZ_SEED").unwrap_or(SEED),
            );
        }
    };
    // A long run that always tries the same would find nothing new.
    (
        until,
        number("FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..)),
    )
}

fn report(name: &str, executions: u64, outcomes: usize, elapsed: Duration) {
    let line = format!("{name}\t{executions}\t{outcomes}\t{}\n", elapsed.as_secs());
    print!("fuzz: target, executions, outcomes, seconds: {line}");
    if let Some(file) = std::env::var_os("FUZZ_REPORT") {
        let written = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&file)
            .and_then(|mut report| report.write_all(line.as_bytes()));
        if let Err(error) = written {
            println!("fuzz: {} cannot be written: {error}", file.display());
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_input_is_kept_and_repeated_first() {
        let name = format!("selftest-{}", std::process::id());
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(&name);
        let target = || Target {
            name: &name,
            seeds: vec![b"[1,2]".to_vec()],
            dictionary: &["needle"],
            executions: 20_000,
        };
        let holds = |input: &[u8]| assert!(!input.windows(6).any(|six| six == b"needle"), "found");
        assert!(
            catch_unwind(|| fuzz(target(), holds)).is_err(),
            "the dictionary's word is tried"
        );
        let mut first = None;
        fuzz(target(), |input| {
            first.get_or_insert_with(|| input.to_vec());
        });
        let first = first.unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        assert!(catch_unwind(|| holds(&first)).is_err(), "{first:?}");
    }
}
