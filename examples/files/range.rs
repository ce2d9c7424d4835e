//! The part of a file that a client asks for.

/// What a `Range` field asks for, of a file of a certain length.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// All of it: the field is not there, asks for several parts, or cannot be understood, and is ignored.
    Whole,
    /// So many bytes from there on; at least one.
    Part { begin: u64, length: u64 },
    /// Nothing that there is.
    Outside,
}

impl Range {
    pub(crate) fn of(field: Option<&str>, length: u64) -> Range {
        field.and_then(|field| understood(field, length)).unwrap_or(Range::Whole)
    }
}

fn understood(field: &str, length: u64) -> Option<Range> {
    let (unit, range) = field.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let (first, last) = (first.trim_end(), last.trim_start());
    let (begin, end) = if first.is_empty() {
        // The last so many bytes.
        (length.saturating_sub(number(last)?), length)
    } else if last.is_empty() {
        (number(first)?, length)
    } else {
        let (first, last) = (number(first)?, number(last)?);
        if last < first {
            return None;
        }
        (first, last.saturating_add(1).min(length))
    };
    if begin >= end { Some(Range::Outside) } else { Some(Range::Part { begin, length: end - begin }) }
}

/// Digits and nothing else; one that is too large is as large as can be.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}
