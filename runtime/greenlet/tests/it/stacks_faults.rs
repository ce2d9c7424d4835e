//! Faults that are none of ours: they go to the handler that was there before. And threads that Rust did not start.

use std::ffi::c_void;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenlet::{Greenlet, enter};

use crate::harness::{go, suspended, to_main};
use crate::misuse_process::{aborts_with, child_with, is_child, recurse};

/// Where the fault is expected.
static ADDRESS: AtomicUsize = AtomicUsize::new(0);

const PAGE: usize = 4096;

fn print(text: &str) {
    // SAFETY: the bytes of `text`; a system call, as signal handlers may do.
    unsafe { libc::write(libc::STDOUT_FILENO, text.as_ptr().cast(), text.len()) };
}

fn leave(code: i32) -> ! {
    // SAFETY: ends the process, as signal handlers may do.
    unsafe { libc::_exit(code) }
}

/// # Safety
///
/// Called as a signal handler of the kind with three arguments.
unsafe fn tell(signal: i32, info: *mut libc::siginfo_t) {
    // SAFETY: the caller's promise.
    let (sent, address) = unsafe { ((*info).si_code <= 0, (*info).si_addr().addr()) };
    print(match (signal, sent) {
        (libc::SIGSEGV, true) => "sent, ",
        (libc::SIGSEGV, false) if address == ADDRESS.load(Ordering::Relaxed) => "as expected, ",
        _ => "something else, ",
    });
}

extern "C" fn ends(signal: i32, info: *mut libc::siginfo_t, _context: *mut c_void) {
    // SAFETY: it is the kernel that calls this, or who acts in its place.
    unsafe { tell(signal, info) };
    leave(42);
}

/// Changes nothing, so that the access faults again.
extern "C" fn tells(signal: i32, info: *mut libc::siginfo_t, _context: *mut c_void) {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    // SAFETY: as above.
    unsafe { tell(signal, info) };
    if CALLS.fetch_add(1, Ordering::Relaxed) > 2 {
        leave(44);
    }
}

/// Makes the page accessible: the access is then repeated.
extern "C" fn mends(signal: i32, info: *mut libc::siginfo_t, _context: *mut c_void) {
    let page = ptr::without_provenance_mut(ADDRESS.load(Ordering::Relaxed));
    // SAFETY: as above; the page was mapped by the test, and nothing is in it.
    unsafe {
        tell(signal, info);
        libc::mprotect(page, PAGE, libc::PROT_READ | libc::PROT_WRITE);
    }
}

extern "C" fn plain(signal: i32) {
    print(if signal == libc::SIGSEGV { "plain, " } else { "something else, " });
    leave(43);
}

fn install(handler: &str) {
    let (action, flags) = match handler {
        "rust" => return,
        "default" => (libc::SIG_DFL, 0),
        "ignore" => (libc::SIG_IGN, 0),
        "ends" => (ends as *const () as usize, libc::SA_SIGINFO | libc::SA_ONSTACK),
        "plain" => (plain as *const () as usize, 0),
        "once" => (tells as *const () as usize, libc::SA_SIGINFO | libc::SA_RESETHAND),
        "mends" => (mends as *const () as usize, libc::SA_SIGINFO | libc::SA_NODEFER),
        other => panic!("{other} is no handler"),
    };
    // SAFETY: zeros are a value of the struct; the handlers are of the kind that the flags say.
    unsafe {
        let mut new: libc::sigaction = std::mem::zeroed();
        (new.sa_sigaction, new.sa_flags) = (action, flags);
        assert_eq!(libc::sigaction(libc::SIGSEGV, &raw const new, ptr::null_mut()), 0);
    }
}

fn do_deed(deed: &str) {
    let write_to = |address: *mut u8| {
        ADDRESS.store(address.addr(), Ordering::Relaxed);
        // SAFETY: nothing is there: this is to fault, or was made accessible by then.
        unsafe { address.write_volatile(1) };
    };
    match deed {
        "null" => write_to(ptr::without_provenance_mut(16)),
        "page" => {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
            // SAFETY: a new mapping.
            let page = unsafe { libc::mmap(ptr::null_mut(), PAGE, libc::PROT_NONE, flags, -1, 0) };
            assert_ne!(page, libc::MAP_FAILED);
            write_to(page.cast());
        }
        // A signal to the process may go to any of its threads, and come later than this call returns: this one asks for it.
        // SAFETY: the running thread is there.
        "kill" => unsafe { assert_eq!(libc::pthread_kill(libc::pthread_self(), libc::SIGSEGV), 0) },
        other => panic!("{other} is no deed"),
    }
}

/// What becomes of a process with this handler in which that is done, in this place.
fn fault(handler: &str, deed: &str, place: &str) -> Output {
    let variables = [("HANDLER", handler), ("DEED", deed), ("PLACE", place)];
    let out = child_with("stacks_faults::child_that_faults", &variables);
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(!text.contains("stack overflow"), "{handler} {deed} {place}: {out:?}");
    out
}

const PLACES: [&str; 3] = ["a greenlet", "main", "a foreign thread"];

/// The process ends so, having printed that.
#[track_caller]
fn ends_so(handler: &str, deed: &str, ended: (Option<i32>, Option<i32>), printed: &str) {
    for place in PLACES {
        let out = fault(handler, deed, place);
        assert_eq!((out.status.code(), out.status.signal()), ended, "{handler} {deed} {place}: {out:?}");
        let text = String::from_utf8_lossy(&out.stdout);
        let said = text.lines().any(|line| line.contains(printed));
        assert!(said, "{handler} {deed} {place}: {printed:?} is not in {text}");
    }
}

#[test]
fn child_that_faults() {
    if !is_child() {
        return;
    }
    let variable = |name: &str| std::env::var(name).unwrap();
    install(&variable("HANDLER"));
    // With the first stack our handler takes the place of that one.
    let _waits = suspended();
    let deed = variable("DEED");
    match &*variable("PLACE") {
        "main" => do_deed(&deed),
        "a greenlet" => go(&Greenlet::new(move |()| do_deed(&deed)), ()),
        _ => on_foreign_thread(|| {
            let deed = std::env::var("DEED").unwrap();
            go(&Greenlet::new(move |()| do_deed(&deed)), ());
        }),
    }
    println!("goes on.");
}

#[test]
fn a_handler_from_before_is_called() {
    for deed in ["null", "page"] {
        ends_so("ends", deed, (Some(42), None), "as expected, ");
        ends_so("plain", deed, (Some(43), None), "plain, ");
    }
}

/// One that repairs what is wrong has the access repeated.
#[test]
fn a_handler_from_before_can_return() {
    ends_so("mends", "page", (Some(0), None), "as expected, goes on.");
}

/// One that is called only once is: the access that is repeated then ends the process.
#[test]
fn a_handler_for_one_fault_is_called_once() {
    ends_so("once", "null", (None, Some(libc::SIGSEGV)), "as expected, ");
    for place in PLACES {
        let text = String::from_utf8_lossy(&fault("once", "null", place).stdout).into_owned();
        assert_eq!(text.matches("as expected, ").count(), 1, "{text}");
    }
}

#[test]
fn without_a_handler_the_process_ends_as_usual() {
    for handler in ["rust", "default", "ignore"] {
        ends_so(handler, "null", (None, Some(libc::SIGSEGV)), "");
        ends_so(handler, "page", (None, Some(libc::SIGSEGV)), "");
    }
}

#[test]
fn a_signal_that_was_sent_is_passed_on() {
    ends_so("ends", "kill", (Some(42), None), "sent, ");
    ends_so("plain", "kill", (Some(43), None), "plain, ");
    ends_so("default", "kill", (None, Some(libc::SIGSEGV)), "");
    ends_so("ignore", "kill", (Some(0), None), "goes on.");
}

/// Runs `body` on a thread that was made without Rust's help: it has no stack for signal handlers.
fn on_foreign_thread(body: fn()) {
    extern "C" fn run(body: *mut c_void) -> *mut c_void {
        // SAFETY: the pointer is that of a function that takes nothing, as passed below.
        let body = unsafe { std::mem::transmute::<*mut c_void, fn()>(body) };
        body();
        ptr::null_mut()
    }
    // SAFETY: `run` is of the type that is wanted, and the thread is joined.
    unsafe {
        let mut thread = std::mem::zeroed();
        assert_eq!(libc::pthread_create(&raw mut thread, ptr::null(), run, body as *mut c_void), 0);
        assert_eq!(libc::pthread_join(thread, ptr::null_mut()), 0);
    }
}

#[test]
fn an_overflow_on_a_thread_that_rust_did_not_start() {
    for guards in ["", "mprotect"] {
        let text = aborts_with("stacks_faults::child_with_a_foreign_thread", &[("GREENLET_GUARDS", guards)]);
        for part in ["greenlet 2, made at ", "stack overflow", "its stack has 65536 bytes"] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    }
}

#[test]
fn child_with_a_foreign_thread() {
    if is_child() {
        on_foreign_thread(|| {
            let _waits = suspended();
            go(&Greenlet::new(recurse), 0);
        });
    }
}

/// What such a thread got for its handler is given back when it ends.
#[test]
fn threads_that_rust_did_not_start_leave_nothing() {
    if crate::tool::meaningless_under(&["qemu"], "the emulator's own mappings count, too") {
        return;
    }
    let out = child_with("stacks_faults::child_with_foreign_threads", &[]);
    assert!(out.status.success(), "{out:?}");
}

#[test]
fn child_with_foreign_threads() {
    if !is_child() {
        return;
    }
    let use_threads =
        |threads| (0..threads).for_each(|_| on_foreign_thread(|| enter(|| go(&Greenlet::new(to_main), ()))));
    use_threads(2);
    let before = address_space();
    use_threads(50);
    let after = address_space();
    assert!(after < before + 20 * 64 * 1024, "{before} bytes, and then {after}");
}

/// What this process has mapped, in bytes. New mappings may become a part of others.
fn address_space() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().next().unwrap().parse::<usize>().unwrap() * PAGE
}
