//! Reads Rust source as far as its structure goes: which file names what of which other file, and how long its functions are.
//!
//! A name is followed to the file that defines it: through `use`, through re-exports, through a module's name. A `mod.rs` that only lists its children
//! and re-exports what they hold depends on none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A word, or one other character, or `::`, and its line.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

/// A source file.
#[derive(Debug)]
pub struct Source {
    /// Below `src`, as in `api/mod.rs`.
    pub path: String,
    /// As in `["api", "access"]`.
    module: Vec<String>,
    /// What is compiled without `cfg(test)`.
    tokens: Vec<Token>,
    /// The names that it brings in, with the path that they stand for.
    names: BTreeMap<String, Vec<String>>,
    /// The modules whose every name it brings in.
    globs: Vec<Vec<String>>,
}

/// One file names what another one defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The file that names.
    pub from: String,
    /// The file that defines.
    pub to: String,
    /// The line in `from`.
    pub line: usize,
    /// What is named.
    pub name: String,
}

/// A function and the lines that it takes, from `fn` to its last brace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub path: String,
    pub line: usize,
    pub name: String,
    pub lines: usize,
}

/// A type or trait that is `pub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicType {
    pub path: String,
    pub line: usize,
    pub name: String,
    /// Whether only a part of the crate sees it, as with `pub(super)`.
    pub is_restricted: bool,
}

/// All Rust files of a folder, sorted.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text with blanks for comments and for what stands in quotes; lines stay where they are.
pub fn without_prose(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => {
                chars[at..].iter().position(|&c| c == '\n').map_or(chars.len(), |n| at + n)
            }
            '/' if chars.get(at + 1) == Some(&'*') => block_comment(&chars, at),
            '"' => quoted(&chars, at, '"'),
            'r' if !is_in_word(&chars, at) => raw_string(&chars, at).unwrap_or(at),
            // A character, not a lifetime.
            '\'' if chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'') => quoted(&chars, at, '\''),
            _ => at,
        };
        if end == at {
            kept.push(chars[at]);
            at += 1;
        } else {
            kept.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    kept
}

fn is_in_word(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') && chars[at - 1] != 'b'
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn quoted(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn raw_string(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start + 1..].iter().take_while(|&&c| c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return None;
    }
    let mut at = start + 2 + hashes;
    while at < chars.len() {
        if chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(chars.len())
}

fn tokens(code: &str) -> Vec<Token> {
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if first.is_alphanumeric() || first == '_' {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (text, after) = rest.split_at(length);
            found.push(Token { text: text.into(), line: number + 1 });
            rest = after.trim_start();
        }
    }
    found
}

fn is_at(tokens: &[Token], at: usize, texts: &[&str]) -> bool {
    tokens
        .get(at..at + texts.len())
        .is_some_and(|these| these.iter().zip(texts).all(|(token, text)| token.text == *text))
}

/// Where the item that begins at `start` ends: after its braces, or after its semicolon.
fn end_of_item(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && token.text == "}" {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Leaves out what only tests see, and says which modules those are.
fn without_tests(tokens: &[Token]) -> (Vec<Token>, Vec<String>) {
    let (mut kept, mut modules, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        if is_at(tokens, at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            let end = end_of_item(tokens, at + 7);
            let words: Vec<&str> = tokens[at + 7..end].iter().map(|token| token.text.as_str()).collect();
            if let Some(mod_at) = words.iter().position(|word| *word == "mod") {
                modules.push(words[mod_at + 1].to_string());
            }
            at = end;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    (kept, modules)
}

/// The functions of a text.
pub fn functions(path: &str, text: &str) -> Vec<Function> {
    let tokens = tokens(&without_prose(text));
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        // `fn(u64)` is a type.
        if tokens[at].text != "fn" || !tokens.get(at + 1).is_some_and(Token::is_word) {
            continue;
        }
        let end = end_of_item(&tokens, at);
        let (line, last) = (tokens[at].line, tokens[end - 1].line);
        found.push(Function { path: path.into(), line, name: tokens[at + 1].text.clone(), lines: last + 1 - line });
    }
    found
}

fn module_of(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = path.trim_end_matches(".rs").split('/').map(Into::into).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// The source of a crate.
#[derive(Debug)]
pub struct Tree {
    sources: Vec<Source>,
    by_module: BTreeMap<Vec<String>, usize>,
}

impl Tree {
    /// Reads a folder such as `src`, without what only tests see.
    pub fn read(folder: &Path) -> Self {
        let texts = rust_files(folder).into_iter().map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            (path.strip_prefix(folder).expect("in the folder").to_string_lossy().into_owned(), text)
        });
        Self::of(texts)
    }

    /// Takes files as path and text.
    pub fn of(texts: impl Iterator<Item = (String, String)>) -> Self {
        let (mut sources, mut test_modules) = (Vec::new(), BTreeSet::new());
        for (path, text) in texts {
            // The program imports nothing but the library.
            if path == "main.rs" {
                continue;
            }
            let module = module_of(&path);
            let (tokens, for_tests) = without_tests(&tokens(&without_prose(&text)));
            for name in for_tests {
                test_modules.insert([module.as_slice(), &[name]].concat());
            }
            sources.push(Source { path, module, tokens, names: BTreeMap::new(), globs: Vec::new() });
        }
        sources.retain(|source| (0..=source.module.len()).all(|n| !test_modules.contains(&source.module[..n])));
        let by_module = sources.iter().enumerate().map(|(n, source)| (source.module.clone(), n)).collect();
        let mut tree = Self { sources, by_module };
        for number in 0..tree.sources.len() {
            let uses = Uses::of(&tree.sources[number].tokens);
            let module = tree.sources[number].module.clone();
            for (name, path) in uses.names {
                if let Some(path) = tree.absolute(&module, &path) {
                    tree.sources[number].names.insert(name, path);
                }
            }
            tree.sources[number].globs = uses.globs.iter().filter_map(|path| tree.absolute(&module, path)).collect();
        }
        tree
    }

    /// A path as seen from the crate's root; `None` for other crates' and for local names.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let (mut base, mut rest) = match path.first()?.as_str() {
            "crate" => (Vec::new(), &path[1..]),
            "self" => (module.to_vec(), &path[1..]),
            "super" => (module.to_vec(), path),
            first => {
                let is_child = self.by_module.contains_key(&[module, &[first.to_string()]].concat());
                return is_child.then(|| [module, path].concat());
            }
        };
        while rest.first().is_some_and(|part| part == "super") {
            base.pop()?;
            rest = &rest[1..];
        }
        Some([base.as_slice(), rest].concat())
    }

    /// The file that defines what a path from the root names; `None` where it names a module, which is a way and not a thing.
    fn definition(&self, path: &[String], depth: usize) -> Option<usize> {
        let known = (0..=path.len()).rev().find(|&n| self.by_module.contains_key(&path[..n]))?;
        let number = self.by_module[&path[..known]];
        let name = path.get(known)?;
        let source = &self.sources[number];
        if depth < 8
            && let Some(elsewhere) = source.names.get(name)
        {
            let path = [elsewhere.as_slice(), &path[known + 1..]].concat();
            return self.definition(&path, depth + 1);
        }
        Some(number)
    }

    /// The public types and traits, without those that only tests see and those that a macro names.
    pub fn public_types(&self) -> Vec<PublicType> {
        const KINDS: [&str; 5] = ["enum", "struct", "trait", "type", "union"];
        let of = |source: &Source| -> Vec<PublicType> {
            let tokens = &source.tokens;
            let publics = (0..tokens.len()).filter(|&at| tokens[at].text == "pub");
            let types = publics.filter_map(|at| {
                let is_restricted = is_at(tokens, at + 1, &["("]);
                let skipped = if is_restricted { tokens[at..].iter().position(|token| token.text == ")")? } else { 0 };
                let (kind, name) = (tokens.get(at + skipped + 1)?, tokens.get(at + skipped + 2)?);
                let is_type = KINDS.contains(&kind.text.as_str()) && name.is_word();
                let (path, line, name) = (source.path.clone(), name.line, name.text.clone());
                is_type.then_some(PublicType { path, line, name, is_restricted })
            });
            types.collect()
        };
        self.sources.iter().flat_map(of).collect()
    }

    /// Who names what of whom, without what files name of their own.
    pub fn imports(&self) -> Vec<Import> {
        let mut found = BTreeSet::new();
        for (number, source) in self.sources.iter().enumerate() {
            let mut note = |path: &[String], line: usize| {
                if let Some(to) = self.definition(path, 0).filter(|&to| to != number) {
                    let (from, to) = (source.path.clone(), self.sources[to].path.clone());
                    found.insert(Import { from, to, line, name: path.join("::") });
                }
            };
            for path in &source.globs {
                note(&[path.as_slice(), &["*".to_string()]].concat(), 1);
            }
            let uses = Uses::of(&source.tokens);
            for (line, path) in uses.own {
                if let Some(path) = self.absolute(&source.module, &path) {
                    note(&path, line);
                }
            }
            for (line, path) in uses.paths {
                match source.names.get(&path[0]) {
                    Some(named) => note(&[named.as_slice(), &path[1..]].concat(), line),
                    None if path.len() > 1 => {
                        if let Some(path) = self.absolute(&source.module, &path) {
                            note(&path, line);
                        }
                    }
                    None => {}
                }
            }
        }
        found.into_iter().collect()
    }
}

/// What a file's tokens bring in and name.
#[derive(Default)]
struct Uses {
    /// By `use`: the name here, and the path.
    names: Vec<(String, Vec<String>)>,
    /// By a `use` that is an import even where nothing here names what it brings, with the line: one that is not public may be for a trait's methods,
    /// and only a file that is nothing but a list of its children re-exports without importing.
    own: Vec<(usize, Vec<String>)>,
    /// By `use …::*`.
    globs: Vec<Vec<String>>,
    /// Outside of `use`, with the line.
    paths: Vec<(usize, Vec<String>)>,
}

impl Uses {
    fn of(tokens: &[Token]) -> Self {
        const ITEMS: [&str; 9] = ["const", "enum", "fn", "impl", "macro_rules", "static", "struct", "trait", "type"];
        let is_list = !tokens.iter().any(|token| ITEMS.contains(&token.text.as_str()));
        let (mut uses, mut at) = (Self::default(), 0);
        while at < tokens.len() {
            if tokens[at].text == "use" && !is_at(tokens, at + 1, &["<"]) {
                let (before, line) = (uses.names.len(), tokens[at].line);
                let is_public = at > 0 && matches!(tokens[at - 1].text.as_str(), "pub" | ")");
                let globs = uses.globs.len();
                at = uses.tree(tokens, at + 1, &[]);
                if is_public && is_list {
                    uses.globs.truncate(globs);
                } else {
                    uses.own.extend(uses.names[before..].iter().map(|(_, path)| (line, path.clone())));
                }
            } else if tokens[at].is_word() {
                let is_member = at > 0 && matches!(tokens[at - 1].text.as_str(), "." | "::" | "fn" | "mod");
                let (path, end) = path(tokens, at);
                if !is_member {
                    uses.paths.push((tokens[at].line, path));
                }
                at = end;
            } else {
                at += 1;
            }
        }
        uses
    }

    /// Reads what `use` has behind a prefix, as in `b::{C, d as e}`; where it ends.
    fn tree(&mut self, tokens: &[Token], start: usize, prefix: &[String]) -> usize {
        let (path, mut at) = path(tokens, start);
        let full = [prefix, &path].concat();
        match tokens.get(at).map(|token| token.text.as_str()) {
            Some("::") if is_at(tokens, at + 1, &["*"]) => {
                self.globs.push(full);
                at += 2;
            }
            Some("::" | "{") => {
                at += if tokens[at].text == "::" { 2 } else { 1 };
                while at < tokens.len() && tokens[at].text != "}" {
                    at = self.tree(tokens, at, &full);
                    at += usize::from(is_at(tokens, at, &[","]));
                }
                at += 1;
            }
            _ => {
                let full = if full.last().is_some_and(|last| last == "self") && full.len() > 1 {
                    full[..full.len() - 1].to_vec()
                } else {
                    full
                };
                let mut name = full.last().cloned().unwrap_or_default();
                if is_at(tokens, at, &["as"]) {
                    name.clone_from(&tokens[at + 1].text);
                    at += 2;
                }
                self.names.push((name, full));
            }
        }
        at
    }
}

/// The words that `::` joins from a token on, and where they end.
fn path(tokens: &[Token], start: usize) -> (Vec<String>, usize) {
    let (mut path, mut at) = (Vec::new(), start);
    while tokens.get(at).is_some_and(Token::is_word) {
        path.push(tokens[at].text.clone());
        at += 1;
        if !(is_at(tokens, at, &["::"]) && tokens.get(at + 1).is_some_and(Token::is_word)) {
            break;
        }
        at += 1;
    }
    (path, at)
}

/// The modules that a file declares, in their order.
pub fn declared(text: &str) -> Vec<String> {
    let tokens = tokens(&without_prose(text));
    let names = tokens.windows(3).filter(|three| three[0].text == "mod" && three[2].text == ";");
    names.map(|three| three[1].text.clone()).collect()
}

/// Files that import each other, in a circle of whatever length.
pub fn circles(imports: &[Import]) -> Vec<Vec<String>> {
    let mut ways: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        ways.entry(&import.from).or_default().insert(&import.to);
    }
    let all: BTreeMap<&str, BTreeSet<&str>> = ways.keys().map(|from| (*from, reached(&ways, from))).collect();
    let mut circles = BTreeSet::new();
    for (from, reached) in &all {
        if reached.contains(from) {
            let mates = reached.iter().filter(|to| all.get(*to).is_some_and(|back| back.contains(from)));
            circles.insert(mates.map(ToString::to_string).collect::<Vec<_>>());
        }
    }
    circles.into_iter().collect()
}

fn reached<'a>(ways: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(at) = next.pop() {
        next.extend(ways.get(at).into_iter().flatten().filter(|&&to| seen.insert(to)));
    }
    seen
}
