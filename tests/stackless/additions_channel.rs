//! What the channel has beyond Stackless's: operations that do not wait, shutdown, iteration over results, names, texts.

use tasklets::{Channel, Preference, Reason, ReceiveError, StopIteration, run, run_count};

use crate::common::checked;
use crate::support::{Log, pass, raised, tasklet};

#[test]
fn try_send_without_a_receiver_gives_the_value_back() {
    checked(|| {
        let ch = Channel::new();
        let error = ch.try_send(5).unwrap_err();
        assert!(matches!(error.reason, Reason::WouldBlock), "{error}");
        assert_eq!(error.into_value(), 5);
        let sender = ch.clone();
        tasklet(move || sender.send(1).unwrap());
        run();
        assert!(matches!(ch.try_send(6).unwrap_err().reason, Reason::WouldBlock), "another sender is no partner");
        assert_eq!(ch.balance(), 1);
    });
}

#[test]
fn try_send_to_a_receiver_is_a_send() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        for preference in [Preference::Receiver, Preference::Sender] {
            ch.set_preference(preference);
            let (events, receiver) = (log.clone(), ch.clone());
            tasklet(move || events.add(receiver.receive().unwrap()));
            run();
            ch.try_send(5).unwrap();
            log.add("main");
            run();
        }
        assert_eq!(log.take(), "5 main main 5");
        ch.close();
        assert!(matches!(ch.try_send(6).unwrap_err().reason, Reason::Closed));
    });
}

#[test]
fn try_receive() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let error = ch.try_receive().unwrap_err();
        assert!(matches!(error.reason(), Some(Reason::WouldBlock)), "{error}");
        for preference in [Preference::Receiver, Preference::Sender] {
            ch.set_preference(preference);
            let (events, sender) = (log.clone(), ch.clone());
            tasklet(move || {
                sender.send(5).unwrap();
                events.add("sent");
            });
            run();
            log.add(ch.try_receive().unwrap());
            run();
        }
        assert_eq!(log.take(), "5 sent sent 5");
        let receiver = ch.clone();
        tasklet(move || drop(receiver.receive()));
        run();
        assert!(ch.try_receive().unwrap_err().reason().is_some(), "another receiver is no partner");
        ch.close();
        assert!(ch.try_receive().unwrap_err().is_closed());
        assert_eq!(ch.balance(), -1);
    });
}

#[test]
fn shutdown_wakes_all_senders_in_order_and_gives_their_values_back() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        for i in 0..4 {
            let (events, sender) = (log.clone(), ch.clone());
            tasklet(move || {
                let error = sender.send(i).unwrap_err();
                assert!(matches!(error.reason, Reason::Closed), "{error}");
                events.add(error.value);
            });
        }
        run();
        ch.shutdown();
        log.add("main");
        assert_eq!((ch.balance(), run_count()), (0, 5));
        assert!(ch.is_closed());
        assert!(run().is_finished());
        assert_eq!(log.take(), "main 0 1 2 3");
    });
}

#[test]
fn shutdown_wakes_all_receivers_and_ends_their_iteration() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::<i32>::new());
        let (events, receiver) = (log.clone(), ch.clone());
        tasklet(move || events.add(receiver.receive().unwrap_err().is_closed()));
        let (events, receiver) = (log.clone(), ch.clone());
        tasklet(move || events.add(receiver.into_iter().count()));
        let (events, receiver) = (log.clone(), ch.clone());
        tasklet(move || events.add(receiver.results().count()));
        run();
        assert_eq!(ch.balance(), -3);
        ch.shutdown();
        ch.shutdown();
        assert!(run().is_finished());
        assert_eq!(log.take(), "true 0 0");
    });
}

#[test]
fn a_channel_that_was_shut_down_can_be_opened_again() {
    checked(|| {
        let ch = Channel::new();
        ch.shutdown();
        assert!(ch.send(1).is_err());
        ch.open();
        assert!(!ch.is_closing());
        let sender = ch.clone();
        tasklet(move || sender.send(2).unwrap());
        assert_eq!(ch.receive().unwrap(), 2);
        run();
    });
}

#[test]
fn a_shutdown_wakes_main() {
    checked(|| {
        let ch = Channel::<()>::new();
        let closer = ch.clone();
        tasklet(move || closer.shutdown());
        assert!(ch.receive().unwrap_err().is_closed());
        ch.open();
        let closer = ch.clone();
        tasklet(move || closer.shutdown());
        assert!(matches!(ch.send(()).unwrap_err().reason, Reason::Closed));
        run();
    });
}

#[test]
fn send_sequence_of_a_borrowed_iterator_keeps_the_rest() {
    checked(|| {
        let ch = Channel::new();
        let receiver = ch.clone();
        tasklet(move || {
            assert_eq!([receiver.receive().unwrap(), receiver.receive().unwrap()], [0, 1]);
            receiver.close();
        });
        run();
        let mut values = 0..6;
        let error = ch.send_sequence(&mut values).unwrap_err();
        assert!(matches!(error.reason, Reason::Closed), "{error}");
        assert_eq!((error.value, values), (2, 3..6));
        ch.open();
        assert_eq!(ch.send_sequence(std::iter::empty()).unwrap(), 0);
    });
}

/// Sends 1, an error, 2, the end of the sequence, 3.
fn mixed(ch: &Channel<i32>) {
    let sender = ch.clone();
    tasklet(move || {
        sender.send(1).unwrap();
        sender.send_exception("oh").unwrap();
        sender.send(2).unwrap();
        sender.send_exception(StopIteration).unwrap();
        sender.send(3).unwrap();
    });
}

#[test]
fn results_hand_errors_out_and_go_on() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        mixed(&ch);
        for result in ch.results() {
            match result {
                Ok(value) => log.add(value),
                Err(ReceiveError::Exception(error)) => log.add(error),
                Err(error) => log.add(error),
            }
        }
        assert_eq!(log.take(), "1 oh 2");
        assert_eq!(ch.receive().unwrap(), 3);
        run();
    });
}

#[test]
fn iter_raises_errors_and_can_go_on() {
    checked(|| {
        let ch = Channel::new();
        mixed(&ch);
        let mut values = ch.iter();
        assert_eq!(values.next(), Some(1));
        let message = raised(|| values.next());
        assert_eq!(message, "cannot go on receiving: received an error: oh");
        assert_eq!((values.next(), values.next()), (Some(2), None));
        assert_eq!(ch.receive().unwrap(), 3);
        run();
    });
}

#[test]
fn iteration_takes_what_waits_when_the_channel_closes() {
    checked(|| {
        let ch = Channel::new();
        for i in 0..3 {
            let sender = ch.clone();
            tasklet(move || sender.send(i).unwrap());
        }
        run();
        ch.close();
        assert!(!ch.is_closed());
        assert_eq!(ch.iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert!(ch.is_closed());
        run();
    });
}

#[test]
fn names_and_texts() {
    checked(|| {
        let (unnamed, named) = (Channel::<u8>::new(), Channel::<u8>::named("jobs"));
        assert_eq!((unnamed.name(), named.name()), (None, Some("jobs")));
        assert_eq!(unnamed.to_string(), "channel 1");
        assert_eq!(named.to_string(), "channel 2 \"jobs\"");
        assert_eq!(format!("{unnamed:?}"), "Channel { id: 1, balance: 0 }");
        let sender = named.clone();
        let t = tasklet(move || sender.send(1).unwrap());
        run();
        named.close();
        assert_eq!(format!("{named:?}"), "Channel { id: 2, name: \"jobs\", balance: 1, closing: true }");
        assert_eq!(named.waiters(), std::slice::from_ref(&t));
        assert_eq!(named.queue(), Some(t));
        assert!(unnamed.waiters().is_empty() && unnamed.queue().is_none());
    });
}

#[test]
fn handles_are_equal_if_they_are_of_the_same_channel() {
    checked(|| {
        let (a, b) = (Channel::<u8>::new(), Channel::default());
        assert_eq!(a, a.clone());
        assert_ne!(a, b);
        a.set_preference(Preference::Neither);
        a.clone().set_schedule_all(true);
        assert_eq!((a.preference(), a.schedule_all()), (Preference::Neither, true));
        assert_eq!((b.preference(), b.schedule_all()), (Preference::Receiver, false));
    });
}

#[test]
fn errors_say_who_what_where_and_why() {
    checked(|| {
        let ch = Channel::named("jobs");
        ch.close();
        let line = line!() + 1;
        let error = ch.send(1).unwrap_err();
        let place = format!("on channel 1 \"jobs\" at {}:{line}:", file!());
        let text = error.to_string();
        assert!(text.starts_with("send by the main tasklet ") && text.contains(&place), "{text}");
        assert!(text.ends_with(": the channel is closed; open it, or stop when it closes"), "{text}");
        assert_eq!(format!("{error:?}"), format!("SendError({text})"));
        let error = ch.receive().unwrap_err();
        assert!(error.to_string().starts_with("receive by the main tasklet on channel 1 \"jobs\" at "), "{error}");
        assert_eq!(format!("{error:?}"), format!("ReceiveError({error})"));
    });
}

#[test]
fn a_deadlock_names_who_else_is_blocked() {
    checked(|| {
        let (ch, other) = (Channel::<()>::named("a"), Channel::<()>::named("b"));
        let receiver = other.clone();
        tasklet(move || drop(receiver.receive()));
        run();
        let error = ch.receive().unwrap_err();
        let Some(Reason::Deadlock(report)) = error.reason() else { panic!("{error}") };
        assert_eq!(report.blocked.len(), 1);
        assert_eq!((report.blocked[0].operation, report.blocked[0].on.as_str()), ("receive", "channel 2 \"b\""));
        assert!(error.to_string().contains(&report.to_string()));
        tasklet(pass);
        run();
    });
}
