//! Faults on purpose, inside a greenlet: what the sanitizer and Valgrind have to find. The scripts in `.ci` run this before
//! the tests, so that a tool that sees nothing on a greenlet's stack is not taken for a clean bill.
//!
//! `cargo run -p greenlet --example planted -- use-after-free`

use std::alloc::{Layout, alloc};
use std::hint::black_box;

use greenlet::{Greenlet, enter, main as root};

fn main() {
    let fault = std::env::args().nth(1).unwrap_or_default();
    let fault: fn() -> u8 = match &*fault {
        "use-after-free" => use_after_free,
        "stack-overrun" => stack_overrun,
        "uninitialised" => uninitialised,
        "leak" => leak,
        "race" => race,
        "panic" => || panic!("as planted"),
        _ => {
            eprintln!("which fault: use-after-free, stack-overrun, uninitialised, leak, race or panic?");
            return;
        }
    };
    enter(|| {
        // On a stack that was used before, in a greenlet that was left and resumed.
        Greenlet::new(|n: u64| black_box([n; 512]).iter().sum()).switch(1).unwrap();
        let g = Greenlet::new(move |()| {
            root().switch(()).unwrap();
            println!("{}", fault());
        });
        g.switch(()).unwrap();
        g.switch(()).unwrap();
    });
}

fn use_after_free() -> u8 {
    let freed = Box::into_raw(black_box(Box::new([7_u8; 64])));
    // SAFETY: the box is given back once. The read is the fault.
    unsafe {
        drop(Box::from_raw(freed));
        freed.cast::<u8>().add(1).read_volatile()
    }
}

fn stack_overrun() -> u8 {
    let array = black_box([7_u8; 64]);
    // SAFETY: none: one past the end is the fault.
    unsafe { array.as_ptr().add(black_box(array.len())).read_volatile() }
}

fn race() -> u8 {
    static mut SHARED: u8 = 0;
    // SAFETY: none: that nothing orders the two is the fault.
    let write = || unsafe { (&raw mut SHARED).write_volatile(1) };
    let other = std::thread::spawn(write);
    write();
    other.join().unwrap();
    // SAFETY: the other thread has ended.
    unsafe { SHARED }
}

fn uninitialised() -> u8 {
    // SAFETY: the layout is not empty, and the pointer is not null. That nothing was written is the fault.
    let byte = unsafe {
        let memory = alloc(Layout::new::<[u8; 64]>());
        assert!(!memory.is_null());
        memory.read_volatile()
    };
    if byte == 7 { 1 } else { 0 }
}

fn leak() -> u8 {
    let lost = black_box(Box::new([7_u8; 4096]));
    std::mem::forget(lost);
    0
}
