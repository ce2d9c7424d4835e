//! The ring on x86-64.

use std::arch::naked_asm;
use std::cell::{Cell, UnsafeCell};
use std::hint::black_box;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use crate::measure::per_operation;
use crate::stacks::Mapping;

/// A way to switch: push what a call preserves, exchange the stack pointer, pop, and go on where the other one left.
pub(crate) trait Switch: 'static {
    /// # Safety
    ///
    /// `to` is where a switch of this thread stored a stack pointer, or [`prepare`] did, and nobody has gone on from there
    /// since. `from` can be written.
    unsafe fn switch(from: *mut StackPointer, to: StackPointer);
}

type StackPointer = *mut u8;

/// It ends as functions do, so that the processor predicts where it goes from the calls that it has seen.
pub(crate) struct Ret;

/// It ends in an indirect jump, which is predicted from where it went before.
pub(crate) struct Jump;

impl Switch for Ret {
    #[inline(always)]
    unsafe fn switch(from: *mut StackPointer, to: StackPointer) {
        // SAFETY: the caller's promise is that of the function.
        unsafe { switch_ret(from, to) }
    }
}

impl Switch for Jump {
    #[inline(always)]
    unsafe fn switch(from: *mut StackPointer, to: StackPointer) {
        // SAFETY: the caller's promise is that of the function.
        unsafe { switch_jump(from, to) }
    }
}

/// # Safety
///
/// As [`Switch::switch`].
#[unsafe(naked)]
unsafe extern "sysv64" fn switch_ret(from: *mut StackPointer, to: StackPointer) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

/// # Safety
///
/// As [`Switch::switch`].
#[unsafe(naked)]
unsafe extern "sysv64" fn switch_jump(from: *mut StackPointer, to: StackPointer) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "pop rcx",
        "jmp rcx",
    )
}

/// Where a stack begins: calls the function in r12 with the argument in rbx.
#[unsafe(naked)]
unsafe extern "sysv64" fn begin() {
    naked_asm!("mov rdi, rbx", "call r12", "ud2")
}

/// Has the first switch to a stack call `body(ring)`.
///
/// # Safety
///
/// The stack above which `top` lies, aligned to a page, is used by nobody else.
unsafe fn prepare(top: NonNull<u8>, body: extern "sysv64" fn(*const Ring) -> !, ring: *const Ring) -> StackPointer {
    // As a switch leaves it: r15, r14, r13, r12, rbx, rbp, and where to go on. The stack is aligned when that is popped.
    let frame = [0, 0, 0, body as usize, ring.expose_provenance(), 0, begin as *const () as usize];
    // SAFETY: a stack has more room than that, by the caller's promise for us alone, and a page's end is aligned.
    unsafe {
        let at = top.cast::<[usize; 7]>().sub(1);
        at.write(frame);
        at.as_ptr().cast()
    }
}

struct Node {
    stopped_at: StackPointer,
    next: u32,
}

struct Ring {
    nodes: UnsafeCell<Vec<Node>>,
    /// Who runs.
    current: Cell<u32>,
    /// Where to go when the time is taken.
    main: Cell<StackPointer>,
    /// How often each yields.
    each: usize,
    done: Cell<usize>,
    start: Cell<Option<Instant>>,
    took: Cell<Duration>,
}

thread_local! {
    /// The ring. Not handed from frame to frame: then where to go next could be read only after the stack that it lies in had
    /// come from memory, and on 100,000 stacks no two such waits would overlap.
    static RING: Cell<*const Ring> = const { Cell::new(std::ptr::null()) };
}

/// How deep a yield is: in the frame of the stack's body, as `schedule()` is where all of it is inlined, or two calls deeper.
#[inline(always)]
fn yield_now<S: Switch, const DEEP: bool>() -> usize {
    #[inline(never)]
    fn outer<S: Switch>() -> usize {
        inner::<S>() + 1
    }
    #[inline(never)]
    fn inner<S: Switch>() -> usize {
        switch_to_next::<S>();
        0
    }
    if DEEP {
        return outer::<S>();
    }
    switch_to_next::<S>();
    1
}

#[inline(always)]
fn switch_to_next<S: Switch>() {
    // SAFETY: the ring lives until its stacks are given up, and only they call this.
    let ring = unsafe { &*RING.get() };
    let nodes = ring.nodes.get();
    // SAFETY: only one stack of the ring runs at a time, and no reference to the nodes is held across a switch; the links are
    // those of the ring, where everybody who is not current was prepared, or has stopped in this very place.
    unsafe {
        let me = (*nodes).as_mut_ptr().add(ring.current.get() as usize);
        let next = (*me).next;
        ring.current.set(next);
        let to = (*(*nodes).as_ptr().add(next as usize)).stopped_at;
        S::switch(&raw mut (*me).stopped_at, to);
    }
}

/// What runs on every stack: it yields and counts. Who is first takes the time, and the others stay where they are then.
extern "sysv64" fn body<S: Switch, const DEEP: bool>(ring: *const Ring) -> ! {
    // SAFETY: the ring lives until its stacks are given up.
    let ring = unsafe { &*ring };
    let first = ring.current.get() == 0;
    black_box(yield_now::<S, DEEP>());
    if first {
        ring.start.set(Some(Instant::now()));
    }
    for _ in 0..ring.each {
        let one = yield_now::<S, DEEP>();
        ring.done.set(ring.done.get() + one);
    }
    ring.took.set(ring.start.get().expect("the first one sets it").elapsed());
    let mut nowhere = std::ptr::null_mut();
    // SAFETY: main has stopped there, in the switch that began all this, and nobody has gone on from there.
    unsafe { S::switch(&raw mut nowhere, ring.main.get()) };
    unreachable!("nobody switches back")
}

/// Stacks that yield in turn, timed once all have started. The counterpart of the workloads of this name without `bare-`.
pub(crate) fn yields<S: Switch, const DEEP: bool>(name: &str, stacks: usize) {
    per_operation(name, stacks << 6, |yields| {
        let each = yields / stacks;
        let mapping = Mapping::new(stacks);
        let ring = Ring {
            nodes: UnsafeCell::default(),
            current: Cell::new(0),
            main: Cell::new(std::ptr::null_mut()),
            each,
            done: Cell::new(0),
            start: Cell::new(None),
            took: Cell::default(),
        };
        let node = |number: usize| {
            let (_, top) = mapping.guard(number);
            // SAFETY: a stack of the mapping is one body's alone.
            let stopped_at = unsafe { prepare(top, body::<S, DEEP>, &raw const ring) };
            Node { stopped_at, next: ((number + 1) % stacks) as u32 }
        };
        let nodes: Vec<Node> = (0..stacks).map(node).collect();
        let first = nodes[0].stopped_at;
        RING.set(&raw const ring);
        // SAFETY: no stack of the ring has begun, so that nobody else looks at the nodes.
        unsafe { *ring.nodes.get() = nodes };
        // SAFETY: the first stack was prepared, and its body switches back here once. What the others still have in their
        // frames needs no destructor.
        unsafe { S::switch(ring.main.as_ptr(), first) };
        // The first one has returned from its last yield when all others have just begun theirs.
        assert_eq!(ring.done.get(), each + (stacks - 1) * (each - 1));
        ring.took.get()
    });
}
