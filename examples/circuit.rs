//! A digital circuit: every gate is a tasklet that waits for its inputs to change. `run` returns when nothing changes any
//! more, and the circuit has settled.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tasklets::{Builder, Channel, enter, run};

/// Where a signal goes: a pin of a gate.
type Pin = (Channel<(usize, bool)>, usize);

/// A signal's state, and who is told when it changes.
#[derive(Clone, Default)]
struct Wire(Rc<(Cell<bool>, RefCell<Vec<Pin>>)>);

impl Wire {
    fn get(&self) -> bool {
        self.0.0.get()
    }

    fn set(&self, signal: bool) {
        if self.0.0.replace(signal) != signal {
            for (gate, pin) in self.0.1.borrow().iter() {
                gate.send((*pin, signal)).expect("gates are always there");
            }
        }
    }

    fn connect(&self, gate: &Channel<(usize, bool)>, pin: usize) {
        self.0.1.borrow_mut().push((gate.clone(), pin));
    }
}

fn gate(name: &str, a: &Wire, b: &Wire, function: fn(bool, bool) -> bool) -> Wire {
    let (mailbox, output) = (Channel::named(name), Wire::default());
    a.connect(&mailbox, 0);
    b.connect(&mailbox, 1);
    let (mut pins, wire) = ([a.get(), b.get()], output.clone());
    wire.set(function(pins[0], pins[1]));
    Builder::new().name(name).spawn(move || {
        for (pin, signal) in mailbox {
            pins[pin] = signal;
            wire.set(function(pins[0], pins[1]));
        }
    });
    output
}

fn half_adder(a: &Wire, b: &Wire) -> (Wire, Wire) {
    (gate("xor", a, b, |a, b| a ^ b), gate("and", a, b, |a, b| a & b))
}

fn full_adder(a: &Wire, b: &Wire, carry: &Wire) -> (Wire, Wire) {
    let (half, carry_1) = half_adder(a, b);
    let (sum, carry_2) = half_adder(&half, carry);
    (sum, gate("or", &carry_1, &carry_2, |a, b| a | b))
}

fn main() {
    // The gates wait for ever: `enter` ends them.
    enter(|| {
        let inputs = [Wire::default(), Wire::default(), Wire::default()];
        let [a, b, carry_in] = &inputs;
        let (sum, carry_out) = full_adder(a, b, carry_in);
        println!("a b c | carry sum");
        for number in 0..8 {
            for (input, bit) in inputs.iter().zip([4, 2, 1]) {
                input.set(number & bit != 0);
            }
            let settled = run();
            let bits = inputs.each_ref().map(|wire| u8::from(wire.get()).to_string());
            println!("{} |     {}   {}", bits.join(" "), u8::from(carry_out.get()), u8::from(sum.get()));
            assert_eq!(settled.blocked, 5, "every gate waits for a signal");
        }
    });
}
