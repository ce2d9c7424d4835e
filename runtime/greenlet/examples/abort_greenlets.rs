//! What is left of greenlets under `panic = "abort"`: everything but unwinding. Exits with 0 if it is as documented.
//!
//! `cargo run -p greenlet --example abort_greenlets --config 'profile.dev.panic="abort"'`

use greenlet::{Greenlet, GreenletExit, Received, SwitchError, enter, stats};

fn main() {
    if cfg!(panic = "unwind") {
        println!("compiled with panic = \"unwind\": nothing to see");
        return;
    }
    enter(|| {
        let g = Greenlet::new(|first: i32| {
            let second = greenlet::main().switch(first + 1).unwrap().unwrap();
            greenlet::main().switch(second * 10).unwrap().unwrap()
        });
        assert_eq!(g.switch(1).unwrap(), Received::Value(2), "switching works");
        assert_eq!(g.switch(5).unwrap(), Received::Value(50));

        // Nothing can be raised in frames; what was to be thrown is given back.
        assert!(matches!(g.kill(), Err(SwitchError::Unsupported { value: Some(_) })));
        let Err(SwitchError::Unsupported { value: Some(payload) }) = g.throw("payload") else {
            panic!("a throw is refused")
        };
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"payload"));
        assert!(g.is_active());
        assert_eq!(g.switch(7).unwrap(), Received::Value(7), "and the greenlet goes on to its end");
        assert!(g.is_dead());

        // Where there are no frames, an exit is only a value.
        let pending = Greenlet::<()>::new(|()| ());
        assert_eq!(pending.kill().unwrap(), Received::Exit(GreenletExit::default()));
        assert!(pending.is_dead());
        assert!(matches!(greenlet::main::<()>().kill(), Err(SwitchError::Unsupported { .. })));

        // A suspended one that is dropped is given up, and counted.
        let before = stats().leaked;
        drop(waiting());
        assert_eq!(stats().leaked, before + 1);
        std::mem::forget(waiting());
    });
    assert_eq!((stats().active, stats().leaked), (0, 2), "so is what `enter` would have to kill");
}

fn waiting() -> Greenlet {
    let g = Greenlet::new(|()| drop(greenlet::main::<()>().switch(())));
    g.switch(()).unwrap();
    g
}
