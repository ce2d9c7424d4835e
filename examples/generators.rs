//! Generators on greenlets: plain recursion that yields from any depth, generators in generators, and yields over the head
//! of a generator.

use greenlet::{Generator, yield_, yield_to};

struct Tree {
    left: Option<Box<Tree>>,
    value: char,
    right: Option<Box<Tree>>,
}

fn tree(values: &[char]) -> Option<Box<Tree>> {
    let middle = values.len() / 2;
    let value = *values.get(middle)?;
    Some(Box::new(Tree { left: tree(&values[..middle]), value, right: tree(&values[middle + 1..]) }))
}

/// In order: an ordinary recursive function. However deep it is, a yield goes straight to who iterates.
fn walk(tree: Option<&Tree>) {
    let Some(Tree { left, value, right }) = tree else { return };
    walk(left.as_deref());
    yield_(*value).expect("a generator walks");
    walk(right.as_deref());
}

/// A generator that iterates over generators of the shorter permutations.
fn permutations(items: Vec<char>) -> Generator<String> {
    Generator::new(move || {
        if items.is_empty() {
            yield_(String::new()).expect("a generator permutes");
        }
        for (at, first) in items.iter().enumerate() {
            let rest = [&items[..at], &items[at + 1..]].concat();
            for permutation in permutations(rest) {
                yield_(format!("{first}{permutation}")).expect("a generator permutes");
            }
        }
    })
}

/// Words go to the generator that shouts them; numbers go over its head to who listens to that one.
fn speak() {
    for said in ["hello", "42", "world", "7"] {
        let level = if said.parse::<u32>().is_ok() { 2 } else { 1 };
        yield_to(level, said.to_owned()).expect("two generators are around");
    }
}

fn shout() {
    for word in Generator::<String>::new(speak) {
        yield_(word.to_uppercase() + "!").expect("a generator shouts");
    }
}

fn main() {
    let letters = tree(&['g', 'r', 'e', 'e', 'n', 'l', 'e', 't']);
    println!("tree walk: {}", Generator::<char>::new(move || walk(letters.as_deref())).collect::<String>());
    println!("permutations: {}", permutations(vec!['a', 'b', 'c']).collect::<Vec<_>>().join(" "));
    println!("over its head: {}", Generator::<String>::new(shout).collect::<Vec<_>>().join(" "));
}
