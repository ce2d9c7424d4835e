//! Faults: hearing of an access that the processor refused, before the process dies of it.
//!
//! One handler for the process, installed with its first stack. It runs on a stack of its own, because the one that faulted
//! is used up, and does only what a signal handler may: it asks whether the address is one of ours, and if not passes the
//! fault on to the handler that was there before.

use std::cell::Cell;
use std::ffi::c_void;
use std::fmt;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use super::memory::{self, page_size};

/// The faults that running into a guard may raise, by system.
const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// What the handler needs, complete before it is installed.
struct Installed {
    report: fn(usize),
    before: [libc::sigaction; SIGNALS.len()],
}

// SAFETY: plain data: function pointers, masks and flags.
unsafe impl Send for Installed {}
// SAFETY: as above; it is never changed.
unsafe impl Sync for Installed {}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// From now on `report` is told the address of each fault, whatever the thread, and returns if it knows nothing of it. Only
/// the first call does anything.
pub(super) fn watch(report: fn(usize)) {
    let mut first = false;
    let installed = INSTALLED.get_or_init(|| {
        first = true;
        Installed { report, before: SIGNALS.map(action) }
    });
    if !first {
        return;
    }
    for (signal, before) in SIGNALS.into_iter().zip(&installed.before) {
        let mut ours = *before;
        ours.sa_sigaction = handle as *const () as usize;
        // The handler that was there finds these as it wanted them when it is called from ours.
        let kept = before.sa_flags & (libc::SA_NODEFER | libc::SA_RESTART);
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | kept;
        // SAFETY: `handle` is a handler of this kind.
        unsafe { libc::sigaction(signal, &raw const ours, ptr::null_mut()) };
    }
}

/// The action that is set for a signal.
fn action(signal: libc::c_int) -> libc::sigaction {
    let mut action = MaybeUninit::zeroed();
    // SAFETY: fills in the struct, of which zeros are a value, too.
    unsafe {
        libc::sigaction(signal, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    }
}

/// Async-signal-safe: reads memory that was written before the handler was installed, and what `report` reads.
unsafe extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(installed) = INSTALLED.get() else { return };
    // SAFETY: the kernel's own record of the fault. A signal that a process sent has no address.
    let address = unsafe { ((*info).si_code > 0).then(|| (*info).si_addr().addr()) };
    if let Some(address) = address {
        (installed.report)(address);
    }
    let Some(at) = SIGNALS.iter().position(|known| *known == signal) else { return };
    // SAFETY: what the process had set for this signal, called as the kernel would have.
    unsafe { pass_on(&installed.before[at], signal, info, context) };
}

/// # Safety
///
/// `before` is what was set for `signal`, and the rest what the kernel gave the handler.
unsafe fn pass_on(before: &libc::sigaction, signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let handler = before.sa_sigaction;
    // SAFETY: the kernel's own record. What a process sent is nothing that anybody does again.
    let sent = unsafe { (*info).si_code <= 0 };
    match handler {
        libc::SIG_IGN if sent => return,
        libc::SIG_DFL | libc::SIG_IGN => {
            // The access is made again on return, and now ends the process as it would have.
            set_default(signal);
            if sent {
                // SAFETY: nothing is asked of the caller. It arrives when this handler has returned.
                unsafe { libc::raise(signal) };
            }
            return;
        }
        _ if before.sa_flags & libc::SA_RESETHAND != 0 => set_default(signal),
        _ => {}
    }
    // SAFETY: the flags tell which of the two kinds the handler is.
    unsafe {
        if before.sa_flags & libc::SA_SIGINFO != 0 {
            type Full = unsafe extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut c_void);
            std::mem::transmute::<usize, Full>(handler)(signal, info, context);
        } else {
            std::mem::transmute::<usize, unsafe extern "C" fn(libc::c_int)>(handler)(signal);
        }
    }
}

/// Takes the handler of a signal away.
fn set_default(signal: libc::c_int) {
    // SAFETY: the default action, of which zeros are the rest.
    unsafe {
        let mut default: libc::sigaction = MaybeUninit::zeroed().assume_init();
        default.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &raw const default, ptr::null_mut());
    }
}

/// The stack for the handler of a thread that has none: one that Rust did not start.
#[derive(Debug, Default)]
pub(super) struct Alternate {
    /// Whether it was looked for.
    known: Cell<bool>,
    mapping: Cell<Option<NonNull<u8>>>,
}

impl Alternate {
    const SIZE: usize = 64 * 1024;

    /// Sees to it that the thread has one. It is looked for once: that is a system call.
    pub(super) fn install(&self) {
        if self.known.replace(true) {
            return;
        }
        let mut old = MaybeUninit::<libc::stack_t>::zeroed();
        // SAFETY: fills in the struct, of which zeros are a value, too.
        let old = unsafe {
            libc::sigaltstack(ptr::null(), old.as_mut_ptr());
            old.assume_init()
        };
        if old.ss_flags & libc::SS_DISABLE == 0 {
            return;
        }
        // Without memory an overflow still ends the process, only without a word.
        let Ok(mapping) = memory::reserve(page_size() + Self::SIZE) else { return };
        // SAFETY: the mapping is new, and freed when the thread has another stack or none (`drop`).
        unsafe {
            let _ = memory::guard(mapping, page_size());
            let stack =
                libc::stack_t { ss_sp: mapping.add(page_size()).as_ptr().cast(), ss_flags: 0, ss_size: Self::SIZE };
            libc::sigaltstack(&raw const stack, ptr::null_mut());
        }
        self.mapping.set(Some(mapping));
    }
}

impl Drop for Alternate {
    fn drop(&mut self) {
        let Some(mapping) = self.mapping.get() else { return };
        // SAFETY: the stack is taken away from the thread before it is unmapped, if it is still this one.
        unsafe {
            let mut now: libc::stack_t = MaybeUninit::zeroed().assume_init();
            libc::sigaltstack(ptr::null(), &raw mut now);
            if now.ss_sp == mapping.add(page_size()).as_ptr().cast() {
                let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: Self::SIZE };
                libc::sigaltstack(&raw const none, ptr::null_mut());
            }
            memory::release(mapping, page_size() + Self::SIZE);
        }
    }
}

/// Writes to standard error without a buffer or a lock, as a signal handler may.
pub(crate) struct Stderr;

impl fmt::Write for Stderr {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            // SAFETY: the bytes of `rest`.
            let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(written) {
                Ok(written @ 1..) => rest = rest.get(written..).unwrap_or_default(),
                Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
                _ => return Err(fmt::Error),
            }
        }
        Ok(())
    }
}

/// Calls `f` with the name that the system has for the running thread, as a signal handler may.
pub(crate) fn with_thread_name<R>(f: impl FnOnce(&str) -> R) -> R {
    let mut name = [0_u8; 64];
    // SAFETY: writes at most as many bytes as there are, the last one 0.
    unsafe { libc::pthread_getname_np(libc::pthread_self(), name.as_mut_ptr().cast(), name.len()) };
    let length = name.iter().position(|byte| *byte == 0).unwrap_or(0);
    f(std::str::from_utf8(&name[..length]).unwrap_or_default())
}
