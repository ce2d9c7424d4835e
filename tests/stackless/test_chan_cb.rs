//! Stackless's `test_chan_cb.py`.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::{Channel, ChannelCallback, channel_callback, run, set_channel_callback};

use crate::common::checked;
use crate::support::tasklet;

#[test]
fn test0() {
    checked(|| {
        let seen = Rc::new(Cell::new(0));
        let (value, ch) = (seen.clone(), Channel::new());
        set_channel_callback(Some(Rc::new(move |event| {
            if let Some(sent) = event.value.filter(|_| event.sending).and_then(|value| value.downcast_ref::<i32>()) {
                value.set(*sent);
            }
        })));
        let sender = ch.clone();
        tasklet(move || sender.send(42).unwrap());
        assert_eq!(ch.receive().unwrap(), 42);
        run();
        set_channel_callback(None);
        assert_eq!(seen.get(), 42);
    });
}

#[test]
fn test_get_callback() {
    checked(|| {
        let callback: ChannelCallback = Rc::new(|_| ());
        assert!(channel_callback().is_none());
        assert!(set_channel_callback(Some(callback.clone())).is_none());
        assert!(Rc::ptr_eq(&channel_callback().unwrap(), &callback));
        assert!(Rc::ptr_eq(&set_channel_callback(None).unwrap(), &callback));
        assert!(channel_callback().is_none());
    });
}
