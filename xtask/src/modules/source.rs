//! What one file says: its modules, imports, definitions, and the paths its code uses.

use std::collections::BTreeSet;

use super::tokens::is_word;

/// A module as far as its file says.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// Children in files of their own: `mod name;`.
    pub(super) files: Vec<String>,
    /// Children written in this file: `mod name { … }`.
    pub(super) inline: Vec<(String, Module)>,
    pub(super) imports: Vec<Import>,
    /// Names defined here.
    pub(super) items: BTreeSet<String>,
    /// Paths of two or more segments in code.
    pub(super) paths: BTreeSet<Vec<String>>,
    /// Names in code that may be of a type, a constant, a function or a macro.
    pub(super) names: BTreeSet<String>,
}

/// One name that a `use` brings in.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// What it is called here; `*` for all names.
    pub(super) name: String,
    /// It has a visibility: it hands a name on, and the file need not use it.
    pub(super) reexported: bool,
}

/// Reads the module that a file's tokens make up.
pub(super) fn read(tokens: &[&str]) -> Module {
    let mut module = Module::default();
    Reader { tokens, at: 0 }.body(&mut module);
    module
}

struct Reader<'a> {
    tokens: &'a [&'a str],
    at: usize,
}

/// What begins an item; anything else that bears an attribute ends at a comma.
const ITEMS: [&str; 14] = [
    "async",
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "macro_rules",
    "mod",
    "pub",
    "static",
    "struct",
    "trait",
    "type",
    "unsafe",
];

impl<'a> Reader<'a> {
    fn peek(&self, ahead: usize) -> &'a str {
        self.tokens
            .get(self.at + ahead)
            .copied()
            .unwrap_or_default()
    }

    fn before(&self, back: usize) -> &'a str {
        let at = self.at.checked_sub(back);
        at.and_then(|at| self.tokens.get(at))
            .copied()
            .unwrap_or_default()
    }

    /// Reads to the end of the module that has begun.
    fn body(&mut self, module: &mut Module) {
        let mut depth = 0_usize;
        while self.at < self.tokens.len() {
            match self.peek(0) {
                "#" => {
                    let start = self.at;
                    let inner = self.peek(1) == "!";
                    if !self.attribute_is_cfg_test() {
                        self.attribute(start, module);
                    } else if inner {
                        self.at = self.tokens.len();
                    } else {
                        self.skip_item();
                    }
                }
                "{" => {
                    depth += 1;
                    self.at += 1;
                }
                "}" => {
                    self.at += 1;
                    if depth == 0 {
                        return;
                    }
                    depth -= 1;
                }
                "mod" if is_name(self.peek(1)) && self.peek(2) == ";" => {
                    module.files.push(self.peek(1).to_owned());
                    self.at += 3;
                }
                "mod" if is_name(self.peek(1)) && self.peek(2) == "{" => {
                    let name = self.peek(1).to_owned();
                    self.at += 3;
                    let mut child = Module::default();
                    self.body(&mut child);
                    module.inline.push((name, child));
                }
                "use" if self.peek(1) != "<" => {
                    let reexported = matches!(self.before(1), "pub" | ")");
                    self.at += 1;
                    self.use_tree(&[], reexported, &mut module.imports);
                }
                "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static"
                    if is_name(self.peek(1)) =>
                {
                    module.items.insert(self.peek(1).to_owned());
                    self.at += 2;
                }
                "macro_rules" => {
                    module.items.insert(self.peek(2).to_owned());
                    self.at += 3;
                }
                word if is_name(word) => self.path(module),
                _ => self.at += 1,
            }
        }
    }

    /// Passes an attribute; says whether it keeps what follows to tests.
    fn attribute_is_cfg_test(&mut self) -> bool {
        while !matches!(self.peek(0), "[" | "") {
            self.at += 1;
        }
        let start = self.at;
        self.skip_brackets();
        let attribute = self.tokens.get(start..self.at).unwrap_or_default();
        attribute.get(1) == Some(&"cfg")
            && attribute.contains(&"test")
            && !attribute.contains(&"not")
    }

    /// Reads the paths in an attribute that ends here. Those of derived code stand in strings.
    fn attribute(&mut self, start: usize, module: &mut Module) {
        let end = self.at;
        self.at = start;
        while self.at < end {
            let token = self.peek(0);
            if is_name(token) {
                self.path(module);
                continue;
            }
            self.at += 1;
            let path: Vec<String> = token
                .trim_matches('"')
                .split("::")
                .map(str::to_owned)
                .collect();
            if token.starts_with('"') && path.len() > 1 && path.iter().all(|word| is_name(word)) {
                module.paths.insert(path);
            }
        }
    }

    /// Passes what is in the brackets that open here, and both brackets.
    fn skip_brackets(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.tokens.len() {
            match self.peek(0) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// Passes an item, a statement, a field or an arm.
    fn skip_item(&mut self) {
        while self.peek(0) == "#" {
            self.attribute_is_cfg_test();
        }
        let is_item = ITEMS.contains(&self.peek(0)) || self.peek(0) == "use";
        while self.at < self.tokens.len() {
            match self.peek(0) {
                "(" | "[" => self.skip_brackets(),
                "{" => {
                    self.skip_brackets();
                    if is_item {
                        return;
                    }
                }
                // The end of what holds it.
                ")" | "]" | "}" => return,
                ";" => {
                    self.at += 1;
                    return;
                }
                "," if !is_item => {
                    self.at += 1;
                    return;
                }
                _ => self.at += 1,
            }
        }
    }

    /// Reads a tree of `use`, up to the comma or bracket that ends it.
    fn use_tree(&mut self, prefix: &[String], reexported: bool, imports: &mut Vec<Import>) {
        let mut path = prefix.to_vec();
        loop {
            match self.peek(0) {
                "::" => self.at += 1,
                "{" => {
                    self.at += 1;
                    while !matches!(self.peek(0), "}" | "") {
                        self.use_tree(&path, reexported, imports);
                        if self.peek(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                "*" => {
                    self.at += 1;
                    imports.push(Import {
                        path,
                        name: "*".to_owned(),
                        reexported,
                    });
                    return;
                }
                "as" => {
                    let name = self.peek(1).to_owned();
                    self.at += 2;
                    imports.push(Import {
                        path,
                        name,
                        reexported,
                    });
                    return;
                }
                word if is_name(word) => {
                    if word != "self" || path.is_empty() {
                        path.push(word.to_owned());
                    }
                    self.at += 1;
                }
                _ => {
                    let Some(name) = path.last().cloned() else {
                        self.at += 1;
                        return;
                    };
                    imports.push(Import {
                        path,
                        name,
                        reexported,
                    });
                    return;
                }
            }
        }
    }

    /// Reads a word in code, with the path that it begins.
    fn path(&mut self, module: &mut Module) {
        let before = self.before(1);
        let visibility = before == "in" && self.before(2) == "(" && self.before(3) == "pub";
        let mut path = vec![self.peek(0).to_owned()];
        self.at += 1;
        while self.peek(0) == "::" && is_name(self.peek(1)) {
            path.push(self.peek(1).to_owned());
            self.at += 2;
        }
        if visibility || matches!(before, "." | "::") {
            return;
        }
        match <[String; 1]>::try_from(path) {
            Ok([name]) => {
                // A variable may bear the name of a function.
                let is_type = name.starts_with(char::is_uppercase);
                if is_type || matches!(self.peek(0), "(" | "!" | "::") {
                    module.names.insert(name);
                }
            }
            Err(path) => {
                module.paths.insert(path);
            }
        }
    }
}

fn is_name(token: &str) -> bool {
    !token.starts_with(|first: char| first.is_numeric())
        && !token.is_empty()
        && token.chars().all(is_word)
}
