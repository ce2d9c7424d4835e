//! The interpreter of greenlet programs, on the public API of `greenlet`.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::{AnyGreenlet, Greenlet, GreenletExit, ParentError, Payload, Received, SwitchError};
use greenlet::{current, enter, main, set_unraisable_hook, stats};
use serde_json::{Value, json};

use crate::traces::Outcome;

const MAIN: i64 = -1;

/// What `throw` raises.
struct Boom(i64);

/// A program that is running. Its greenlets share it.
struct Program {
    bodies: Vec<Vec<Value>>,
    slots: RefCell<Vec<Option<Greenlet<i64>>>>,
    trace: RefCell<Vec<Value>>,
    /// The end was taken: what tearing down does is not part of the trace.
    over: Cell<bool>,
}

/// Runs a program on a thread of its own, and looks at what is left behind.
pub(crate) fn run(program: &Value) -> Outcome {
    let program = program.clone();
    let thread = std::thread::spawn(move || {
        // Python prints what nobody can receive; the programs do not record it.
        set_unraisable_hook(Some(Rc::new(|_, _| {})));
        let leaked = stats().leaked;
        let mut outcome = enter(|| run_main(&program));
        let after = stats();
        let left = (after.greenlets, after.active, after.stacks, after.pooled, after.leaked - leaked);
        if left != (0, 0, 0, 0, 0) {
            outcome.fault = Some(format!("(greenlets, active, stacks, pooled, leaked) are {left:?} afterwards"));
        }
        outcome
    });
    thread.join().expect("an interpreter that does not panic")
}

fn run_main(json: &Value) -> Outcome {
    let list = |ops: &Value| ops.as_array().expect("a list of operations").clone();
    let bodies: Vec<Vec<Value>> = json["greenlets"].as_array().expect("greenlets").iter().map(list).collect();
    let slots = RefCell::new(vec![None; bodies.len()]);
    let program = Rc::new(Program { bodies, slots, trace: RefCell::default(), over: Cell::new(false) });
    for (pc, op) in list(&json["main"]).iter().enumerate() {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| program.step(MAIN, pc, op))) {
            assert!(payload.is::<GreenletExit>(), "only an exit leaves a step of main");
        }
    }
    let state = |slot: &Option<Greenlet<i64>>| slot.as_ref().map(|g| json!([g.is_active(), g.is_dead()]));
    let end = program.slots.borrow().iter().map(state).collect::<Vec<_>>();
    program.over.set(true);
    for index in 0..program.bodies.len() {
        // Bound, because dropping it may run code that looks at the slots.
        let taken = program.slots.borrow_mut()[index].take();
        drop(taken);
    }
    Outcome { trace: program.trace.take(), end: json!(end), fault: None }
}

impl Program {
    fn log(&self, who: i64, pc: i64, result: Value) {
        if !self.over.get() {
            self.trace.borrow_mut().push(json!([who, pc, result]));
        }
    }

    fn body(self: Rc<Program>, who: usize, first: i64) -> i64 {
        let me = who as i64;
        self.log(me, -2, json!(first));
        let ended = catch_unwind(AssertUnwindSafe(|| {
            for (pc, op) in self.bodies[who].iter().enumerate() {
                if op[0] == "return" {
                    return number(op, 1);
                }
                self.step(me, pc, op);
            }
            1000 + me
        }));
        self.log(me, -1, json!("end"));
        ended.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// Performs an operation and logs its result. Unwinds with an exit, and with every `Boom` that this place lets out.
    fn step(self: &Rc<Program>, who: i64, pc: usize, op: &Value) {
        let at = pc as i64;
        crate::look(&self.slots.borrow());
        let payload = match self.perform(op) {
            Ok(result) => return self.log(who, at, result),
            Err(payload) => payload,
        };
        match payload.downcast_ref::<Boom>() {
            Some(boom) => {
                self.log(who, at, json!(format!("err:Boom:{}", boom.0)));
                if pc % 3 == 2 && who != MAIN {
                    resume_unwind(payload);
                }
            }
            None if payload.is::<GreenletExit>() => {
                self.log(who, at, json!("err:Exit"));
                resume_unwind(payload);
            }
            None => resume_unwind(payload),
        }
    }

    /// The result of an operation, or what it raised. The handles that it used are released when it returns, not by
    /// unwinding: as in Python, where the greenlets that this kills may switch.
    fn perform(self: &Rc<Program>, op: &Value) -> Result<Value, Payload> {
        match op[0].as_str().expect("an operation's name") {
            "current" => return Ok(self.index(&current::<i64>())),
            "new" => return Ok(self.make(number(op, 1) as usize)),
            _ => {}
        }
        let Some(g) = self.named(number(op, 1)) else { return Ok(json!("skip")) };
        match op[0].as_str().expect("an operation's name") {
            "switch" => caught(|| g.switch(number(op, 2))),
            "throw" => caught(|| g.throw(Boom(number(op, 2)))),
            "kill" => caught(|| g.kill()),
            "state" => Ok(json!([g.is_active(), g.is_dead()])),
            "parent" => Ok(g.parent().map_or(Value::Null, |parent| self.index(&parent))),
            "reparent" => {
                let Some(parent) = self.named(number(op, 2)) else { return Ok(json!("skip")) };
                Ok(match g.set_parent(&parent) {
                    Ok(()) => Value::Null,
                    Err(ParentError::Cycle { .. }) => json!("err:Cycle"),
                    Err(ParentError::Main) => json!("err:MainParent"),
                    Err(other) => json!(format!("err:{other}")),
                })
            }
            "drop" => {
                // `g` keeps it until the slot is free for another one.
                let taken = self.slots.borrow_mut()[number(op, 1) as usize].take();
                drop(taken);
                Ok(Value::Null)
            }
            other => panic!("an operation that is not known: {other}"),
        }
    }

    fn make(self: &Rc<Program>, who: usize) -> Value {
        if self.slots.borrow()[who].is_some() {
            return json!("skip");
        }
        let program = self.clone();
        let made = Greenlet::new(move |first| program.body(who, first));
        self.slots.borrow_mut()[who] = Some(made);
        Value::Null
    }

    /// A handle of the greenlet with this index.
    fn named(&self, index: i64) -> Option<Greenlet<i64>> {
        if index == MAIN { Some(main()) } else { self.slots.borrow()[index as usize].clone() }
    }

    /// -1 for main, -2 for a greenlet that no slot holds.
    fn index(&self, greenlet: &AnyGreenlet) -> Value {
        if greenlet.is_main() {
            return json!(MAIN);
        }
        let slots = self.slots.borrow();
        let found = slots.iter().position(|slot| slot.as_ref().is_some_and(|g| **g == *greenlet));
        json!(found.map_or(-2, |index| index as i64))
    }
}

/// What a switch brought back; `Err` if it unwound.
fn caught<V>(switch: impl FnOnce() -> Result<Received<i64>, SwitchError<V>>) -> Result<Value, Payload> {
    Ok(match catch_unwind(AssertUnwindSafe(switch))? {
        Ok(Received::Value(value)) => json!(value),
        Ok(Received::Exit(_)) => json!("exit"),
        Err(error) => json!(format!("err:{error}")),
    })
}

fn number(op: &Value, at: usize) -> i64 {
    op[at].as_i64().unwrap_or_else(|| panic!("no number at {at} of {op}"))
}
