//! What the kernel takes for stacks that are there and were touched.

use crate::resident::Before;
use crate::stacks::Mapping;

/// Maps, guards and touches stacks; nothing runs on them. Cold, one pass.
pub(crate) fn live(name: &str, stacks: usize) {
    let before = Before::now();
    let mapping = Mapping::new(stacks);
    for number in 0..stacks {
        let (_, begin) = mapping.guard(number);
        // SAFETY: a stack has more than eight bytes, which nobody else uses, and its beginning is aligned to a page.
        unsafe { begin.cast::<usize>().sub(1).write_volatile(number) };
    }
    before.after().print(name, stacks);
}
