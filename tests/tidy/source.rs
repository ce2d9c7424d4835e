//! Just enough of Rust's lexical structure to tell code from comments and text.

/// The text with everything in comments, strings and characters blanked out; lines and columns stay.
pub(crate) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match token(&chars, at) {
            Token::Code => {
                out.push(chars[at]);
                at += 1;
                continue;
            }
            Token::Blank(end) => end.min(chars.len()),
        };
        out.extend(chars[at..end].iter().map(|char| if *char == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

enum Token {
    Code,
    /// A comment or literal up to here.
    Blank(usize),
}

fn token(chars: &[char], at: usize) -> Token {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        '/' if next == Some('/') => Token::Blank(find(chars, at, |char| char == '\n')),
        '/' if next == Some('*') => Token::Blank(block_comment(chars, at)),
        '"' => Token::Blank(string(chars, at)),
        'r' if !follows_word(chars, at) => raw_string(chars, at).map_or(Token::Code, Token::Blank),
        '\'' => character(chars, at).map_or(Token::Code, Token::Blank),
        _ => Token::Code,
    }
}

fn find(chars: &[char], from: usize, is: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|char| is(*char)).map_or(chars.len(), |offset| from + offset)
}

fn follows_word(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') && chars[at - 1] != 'b'
}

fn block_comment(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_string(chars: &[char], from: usize) -> Option<usize> {
    let quote = find(chars, from + 1, |char| char != '#');
    let hashes = quote - from - 1;
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    let mut at = quote + 1;
    while at < chars.len() {
        if chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|char| **char == '#').count() == hashes {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(at)
}

/// A character literal; not a lifetime.
fn character(chars: &[char], from: usize) -> Option<usize> {
    match chars.get(from + 1) {
        Some('\\') => Some(find(chars, from + 3, |char| char == '\'') + 1),
        Some(_) if chars.get(from + 2) == Some(&'\'') => Some(from + 3),
        _ => None,
    }
}

/// Where a word stands by itself in a line, as offsets.
pub(crate) fn words<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |char: char| char.is_alphanumeric() || char == '_';
    line.match_indices(word).map(|(at, _)| at).filter(move |at| {
        !line[..*at].chars().next_back().is_some_and(part) && !line[at + word.len()..].chars().next().is_some_and(part)
    })
}

#[test]
fn comments_and_literals_are_blanked() {
    let text = "a // b\nc /* d /* e */ f */ g \"h \\\" i\" j r#\"k \" l\"# m 'n' '\\'' o<'p> bar(\"q\")";
    let left: Vec<char> = code(text).chars().filter(|char| char.is_alphanumeric()).collect();
    assert_eq!(left.iter().collect::<String>(), "acgjmopbar");
    assert_eq!(code(text).chars().count(), text.chars().count());
    assert_eq!(code("// a\nb\n"), "    \nb\n");
}

#[test]
fn words_are_whole() {
    assert_eq!(words("unsafe_code unsafe fn unsafe", "unsafe").collect::<Vec<_>>(), [12, 22]);
}
