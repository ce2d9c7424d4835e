//! `select!`. Each arm becomes a call of the function with its name, in [`parts::arms`](super::parts::arms), so that the compiler's complaints are about
//! the arm's own words.

/// Waits for the first of several operations, and goes on with its arm.
///
/// ```text
/// select! {
///     biased;                              // first: the arms in the order written, in place of a fair choice
///     recv(channel) -> message => ...,     // message: what `receive` or `recv` would have returned
///     send(channel, value) -> result => ..., // result: what `send` would have returned
///     readable(socket) -> result => ...,   // result: an `io::Result<()>`; see `select::readable`
///     writable(socket) -> result => ...,
///     after(duration) => ...,              // when so much time has passed
///     at(instant) => ...,                  // from this moment on
///     default => ...,                      // if nothing is ready
///     default(duration) => ...,            // if nothing has become ready in so much time
/// }
/// ```
///
/// There may be 16 arms and one `default`. The comma after a block may be left out. Expressions in parentheses are evaluated once each,
/// in the order written, before anything is tried; but the value of a send to a [`Channel`](crate::Channel) only if it is sent. A value is a
/// closure's body: it cannot `return`, `break` or use `?`, and what it moves is gone whichever arm is taken. An arm's own expression can. All arms have the same type,
/// which is that of the `select!`. The rules are in [`select`](mod@crate::select).
///
/// A select may wait, and switch; one with `default` switches where `try_` operations would. Without arms it is a
/// `Result<Infallible, SelectError>`, the deadlock.
///
/// # Errors
///
/// Each arm has its own. If nothing can be waited for (a deadlock, a trap), the first arm that has a result is taken, with that error.
///
/// # Panics
///
/// Unwinds with what is thrown into the caller meanwhile; no arm has run then. Panics if nothing can be waited for and all arms are moments.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_channels::{Channel, select};
/// use tasklets_runtime::spawn;
///
/// let (orders, quit) = (Channel::new(), Channel::<()>::new());
/// let (their_orders, their_quit) = (orders.clone(), quit.clone());
/// spawn(move || {
///     their_orders.send("tea").unwrap();
///     their_orders.send("milk").unwrap();
///     their_quit.send(()).unwrap();
/// });
/// let mut got = Vec::new();
/// loop {
///     select! {
///         recv(orders) -> order => got.push(order.unwrap()),
///         recv(quit) -> _ => break,
///         after(Duration::from_secs(10)) => panic!("nobody orders anything"),
///     }
/// }
/// assert_eq!(got, ["tea", "milk"]);
/// ```
///
/// What is no channel is refused where it stands:
///
/// ```compile_fail,E0277
/// let number = 7;
/// tasklets_channels::select! { recv(number) -> _ => {} }
/// ```
///
/// The wrong end of a channel is, too:
///
/// ```compile_fail,E0277
/// let (tx, _rx) = tasklets_channels::rendezvous::<i32>();
/// tasklets_channels::select! { recv(tx) -> _ => {} }
/// ```
///
/// ```compile_fail,E0277
/// let (_tx, rx) = tasklets_channels::rendezvous::<i32>();
/// tasklets_channels::select! { send(rx, 1) -> _ => {} }
/// ```
///
/// So is an arm of another kind:
///
/// ```compile_fail,E0425
/// let ch = tasklets_channels::Channel::<i32>::new();
/// tasklets_channels::select! { receive(ch) -> _ => {} }
/// ```
///
/// And a value of another type:
///
/// ```compile_fail,E0308
/// let ch = tasklets_channels::Channel::<i32>::new();
/// tasklets_channels::select! { send(ch, "text") -> _ => {} }
/// ```
#[macro_export]
macro_rules! select {
    () => {
        $crate::select::parts::nothing()
    };
    (biased; $($arms:tt)*) => {
        $crate::__select_arms!(true {} {} [0 a; 1 b; 2 c; 3 d; 4 e; 5 f; 6 g; 7 h; 8 i; 9 j; 10 k; 11 l; 12 m; 13 n; 14 o; 15 p;] $($arms)*)
    };
    ($($arms:tt)*) => {
        $crate::__select_arms!(false {} {} [0 a; 1 b; 2 c; 3 d; 4 e; 5 f; 6 g; 7 h; 8 i; 9 j; 10 k; 11 l; 12 m; 13 n; 14 o; 15 p;] $($arms)*)
    };
}

/// One arm after the other: `biased {arms so far} {default} [names that are left] arms that are left`.
#[doc(hidden)]
#[macro_export]
macro_rules! __select_arms {
    // All arms are there.
    ($biased:tt $arms:tt $default:tt $names:tt) => {
        $crate::__select_now!($biased $arms $default $names)
    };

    // What a `default` does, after a comma, as a block, or last.
    ($biased:tt $arms:tt {} $names:tt default $(())? => $body:expr, $($rest:tt)*) => {
        $crate::__select_arms!($biased $arms { (Some(None)) $body } $names $($rest)*)
    };
    ($biased:tt $arms:tt {} $names:tt default $(())? => $body:block $($rest:tt)*) => {
        $crate::__select_arms!($biased $arms { (Some(None)) $body } $names $($rest)*)
    };
    ($biased:tt $arms:tt {} $names:tt default $(())? => $body:expr) => {
        $crate::__select_arms!($biased $arms { (Some(None)) $body } $names)
    };
    ($biased:tt $arms:tt {} $names:tt default($time:expr $(,)?) => $body:expr, $($rest:tt)*) => {
        $crate::__select_arms!($biased $arms { (Some(Some($time))) $body } $names $($rest)*)
    };
    ($biased:tt $arms:tt {} $names:tt default($time:expr $(,)?) => $body:block $($rest:tt)*) => {
        $crate::__select_arms!($biased $arms { (Some(Some($time))) $body } $names $($rest)*)
    };
    ($biased:tt $arms:tt {} $names:tt default($time:expr $(,)?) => $body:expr) => {
        $crate::__select_arms!($biased $arms { (Some(Some($time))) $body } $names)
    };
    ($biased:tt $arms:tt { $($default:tt)+ } $names:tt default $($rest:tt)*) => {
        compile_error!("a select has one `default` at most")
    };
    ($biased:tt $arms:tt $default:tt [] $kind:ident $($rest:tt)*) => {
        compile_error!("a select has 16 arms at most")
    };

    ($biased:tt $arms:tt $default:tt $names:tt $kind:ident $inside:tt $(-> $result:pat)? => $body:expr, $($rest:tt)*) => {
        $crate::__select_arm!($biased $arms $default $names $kind $inside ($($result)?) { $body } $($rest)*)
    };
    ($biased:tt $arms:tt $default:tt $names:tt $kind:ident $inside:tt $(-> $result:pat)? => $body:block $($rest:tt)*) => {
        $crate::__select_arm!($biased $arms $default $names $kind $inside ($($result)?) { $body } $($rest)*)
    };
    ($biased:tt $arms:tt $default:tt $names:tt $kind:ident $inside:tt $(-> $result:pat)? => $body:expr) => {
        $crate::__select_arm!($biased $arms $default $names $kind $inside ($($result)?) { $body })
    };
    ($biased:tt $arms:tt $default:tt $names:tt $($rest:tt)*) => {
        compile_error!(concat!(
            "this is no arm of a select: `",
            stringify!($($rest)*),
            "`; arms are `recv(channel) -> message => ...`, `send(channel, value) -> result => ...`, ",
            "`readable(socket) -> result => ...`, `writable(socket) -> result => ...`, `after(duration) => ...`, `at(instant) => ...`, `default => ...` and `default(duration) => ...`, with commas between them"
        ))
    };
}

/// Adds an arm to those so far.
#[doc(hidden)]
#[macro_export]
macro_rules! __select_arm {
    ($biased:tt { $($arms:tt)* } $default:tt [$number:tt $name:ident; $($names:tt)*]
     send ($channel:expr, $value:expr $(,)?) ($result:pat) $body:tt $($rest:tt)*) => {
        $crate::__select_arms!($biased
            { $($arms)* ($number $name (send(&$channel, || $value)) ($result) $body) } $default [$($names)*] $($rest)*)
    };
    ($biased:tt { $($arms:tt)* } $default:tt [$number:tt $name:ident; $($names:tt)*]
     after ($time:expr $(,)?) () $body:tt $($rest:tt)*) => {
        $crate::__select_arms!($biased
            { $($arms)* ($number $name (after($time)) (()) $body) } $default [$($names)*] $($rest)*)
    };
    ($biased:tt { $($arms:tt)* } $default:tt [$number:tt $name:ident; $($names:tt)*]
     at ($moment:expr $(,)?) () $body:tt $($rest:tt)*) => {
        $crate::__select_arms!($biased
            { $($arms)* ($number $name (at($moment)) (()) $body) } $default [$($names)*] $($rest)*)
    };
    // `recv`, `readable`, `writable`, or what the compiler will not find.
    ($biased:tt { $($arms:tt)* } $default:tt [$number:tt $name:ident; $($names:tt)*]
     $kind:ident ($channel:expr $(,)?) ($result:pat) $body:tt $($rest:tt)*) => {
        $crate::__select_arms!($biased
            { $($arms)* ($number $name ($kind(&$channel)) ($result) $body) } $default [$($names)*] $($rest)*)
    };
    ($biased:tt $arms:tt $default:tt $names:tt $kind:ident $inside:tt $result:tt $body:tt $($rest:tt)*) => {
        compile_error!(concat!(
            "this is no arm of a select: `", stringify!($kind $inside),
            "`; arms are `recv(channel) -> message`, `send(channel, value) -> result`, `readable(socket) -> result`, ",
            "`writable(socket) -> result`, `after(duration)` and `at(instant)`"
        ))
    };
}

/// The whole select.
#[doc(hidden)]
#[macro_export]
macro_rules! __select_now {
    ($biased:tt $arms:tt { } $names:tt) => {
        $crate::__select_now!($biased $arms { (None) $crate::select::parts::not_taken() } $names)
    };
    ($biased:tt { $(($number:tt $name:ident ($kind:ident $inside:tt) ($result:pat) $body:tt))* }
     { ($patience:expr) $otherwise:expr } [$($unused:tt $other:ident;)*]) => {{
        let taken = match ($(&$crate::select::parts::arms::$kind $inside,)* $patience,) {
            ($($name,)* patience,) => {
                let arms: &[$crate::select::parts::Entry<'_>] = &[$($crate::select::parts::Entry::of($name)),*];
                match $crate::select::parts::first(arms, $biased, patience) {
                    $($number => $crate::select::parts::Taken::$name($crate::select::parts::result($name)),)*
                    _ => $crate::select::parts::Taken::Nothing,
                }
                // What was not sent is dropped at the end of the statement.
            }
        };
        match taken {
            $($crate::select::parts::Taken::$name(result) => {
                let $result = result;
                $body
            })*
            $($crate::select::parts::Taken::$other(never) => match $crate::select::parts::never(never) {},)*
            $crate::select::parts::Taken::Nothing => $otherwise,
        }
    }};
}
