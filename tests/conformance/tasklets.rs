//! The interpreter of tasklet programs, on the public API of `tasklets`.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use ::tasklets::{
    AnyTasklet, Builder, Channel, Preference, Reason, ReceiveError, TaskletError, TaskletExit, current, enter,
    kill_all, run, run_count, schedule, schedule_remove, stats,
};
use serde_json::{Value, json};

use crate::traces::Outcome;

const MAIN: i64 = -1;

/// What `raise` raises and `send_exc` sends.
#[derive(Debug)]
struct Boom(i64);

impl fmt::Display for Boom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Boom:{}", self.0)
    }
}

impl Error for Boom {}

/// A program that is running. Its tasklets share it.
struct Program {
    bodies: Vec<Vec<Value>>,
    channels: Vec<Channel<i64>>,
    slots: RefCell<Vec<Option<AnyTasklet>>>,
    trace: RefCell<Vec<Value>>,
    /// The end was taken: what tearing down does is not part of the trace.
    over: Cell<bool>,
}

/// Runs a program on a thread of its own, and looks at what is left behind.
pub(crate) fn run_program(program: &Value) -> Outcome {
    let program = program.clone();
    let thread = std::thread::spawn(move || {
        let leaked = stats().greenlets.leaked;
        let mut outcome = enter(|| run_main(&program));
        let after = stats();
        let left = (after.tasklets, after.blocked, after.greenlets.greenlets, after.greenlets.stacks);
        if left != (0, 0, 0, 0) || after.greenlets.leaked != leaked {
            outcome.fault = Some(format!("this is left behind: {after:?}"));
        }
        outcome
    });
    thread.join().expect("an interpreter that does not panic")
}

fn run_main(json: &Value) -> Outcome {
    let list = |ops: &Value| ops.as_array().expect("a list of operations").clone();
    let bodies: Vec<Vec<Value>> = list(&json["tasklets"]).iter().map(list).collect();
    let channels = list(&json["channels"]).into_iter().map(|preference| {
        let channel = Channel::new();
        channel.set_preference(Preference::from(preference.as_i64().expect("a preference") as i32));
        channel
    });
    let channels = channels.collect();
    let slots = RefCell::new(bodies.iter().map(|_| None).collect());
    let program = Rc::new(Program { bodies, channels, slots, trace: RefCell::default(), over: Cell::new(false) });
    for (pc, op) in list(&json["main"]).iter().enumerate() {
        program.step(MAIN, pc, op);
    }
    let states: Vec<Value> =
        program.slots.borrow().iter().map(|slot| slot.as_ref().map_or(Value::Null, state)).collect();
    let balance: Vec<isize> = program.channels.iter().map(Channel::balance).collect();
    let end = json!({ "tasklets": states, "balance": balance, "runcount": run_count() });
    program.over.set(true);
    drop(kill_all());
    let slots = program.slots.take();
    drop(slots);
    Outcome { trace: program.trace.take(), end, fault: None }
}

fn state(tasklet: &AnyTasklet) -> Value {
    json!([tasklet.is_alive(), tasklet.is_scheduled(), tasklet.is_blocked(), tasklet.is_paused()])
}

fn number(op: &Value, at: usize) -> i64 {
    op[at].as_i64().expect("a number")
}

fn flag(op: &Value, at: usize) -> bool {
    op[at].as_bool().unwrap_or_else(|| number(op, at) != 0)
}

/// The name of an error, as recorded.
type Failure = String;

fn failed(reason: &Reason) -> Failure {
    match reason {
        Reason::Closed => "Closed".into(),
        Reason::Deadlock(_) => "Deadlock".into(),
        Reason::BlockTrap => "BlockTrap".into(),
        other => format!("{other:?}"),
    }
}

fn not_received(error: ReceiveError) -> Failure {
    match error {
        ReceiveError::Exception(error) => error.to_string(),
        other => other.reason().map_or_else(|| "?".into(), failed),
    }
}

fn refused(error: TaskletError) -> Failure {
    match error {
        TaskletError::Dead { .. } => "Dead".into(),
        TaskletError::Blocked { .. } => "Blocked".into(),
        TaskletError::Current { .. } => "Current".into(),
        TaskletError::Deadlock(_) => "Deadlock".into(),
        other => format!("{other:?}"),
    }
}

impl Program {
    fn log(&self, who: i64, pc: i64, result: Value) {
        if !self.over.get() {
            self.trace.borrow_mut().push(json!([who, pc, result]));
        }
    }

    fn body(self: Rc<Program>, who: usize) {
        struct End(Rc<Program>, i64);
        impl Drop for End {
            fn drop(&mut self) {
                self.0.log(self.1, -1, json!("end"));
            }
        }
        let end = End(self, who as i64);
        for (pc, op) in end.0.bodies[who].iter().enumerate() {
            end.0.step(who as i64, pc, op);
        }
    }

    /// One operation. Exits are logged and go on unwinding.
    fn step(self: &Rc<Program>, who: i64, pc: usize, op: &Value) {
        crate::look(&[]);
        let result = catch_unwind(AssertUnwindSafe(|| self.operate(op)));
        let pc = pc as i64;
        match result {
            Ok(Ok(value)) => self.log(who, pc, value),
            Ok(Err(failure)) => self.log(who, pc, json!(format!("err:{failure}"))),
            Err(payload) if payload.is::<TaskletExit>() => {
                self.log(who, pc, json!("err:TaskletExit"));
                resume_unwind(payload);
            }
            Err(payload) => match payload.downcast::<Boom>() {
                Ok(boom) => self.log(who, pc, json!(format!("err:{boom}"))),
                Err(payload) => resume_unwind(payload),
            },
        }
    }

    fn operate(self: &Rc<Program>, op: &Value) -> Result<Value, Failure> {
        let name = op[0].as_str().expect("an operation");
        match name {
            "schedule" => schedule().map_err(refused)?,
            "schedule_remove" => schedule_remove().map_err(refused)?,
            "runcount" => return Ok(json!(run_count())),
            "current" => return Ok(self.index(&current())),
            "block_trap" => drop(current().set_block_trap(flag(op, 1))),
            "run_all" => drop(run()),
            "spawn" | "bind" => return self.make(name, number(op, 1) as usize),
            "insert" | "remove" | "run" | "switch" | "kill" | "raise" | "state" => {
                let tasklet = self.slots.borrow()[number(op, 1) as usize].clone();
                return tasklet.map_or(Ok(json!("skip")), |tasklet| control(name, &tasklet));
            }
            _ => return self.on_channel(name, op),
        }
        Ok(Value::Null)
    }

    fn make(self: &Rc<Program>, name: &str, who: usize) -> Result<Value, Failure> {
        if self.slots.borrow()[who].is_some() {
            return Ok(json!("skip"));
        }
        let program = self.clone();
        let tasklet = Builder::new().paused(move || program.body(who)).detach();
        if name == "spawn" {
            tasklet.insert().map_err(refused)?;
        }
        self.slots.borrow_mut()[who] = Some(tasklet);
        Ok(Value::Null)
    }

    fn on_channel(&self, name: &str, op: &Value) -> Result<Value, Failure> {
        let channel = &self.channels[number(op, 1) as usize];
        match name {
            "send" => channel.send(number(op, 2)).map_err(|error| failed(&error.reason))?,
            "send_exc" => channel.send_exception(Boom(number(op, 2))).map_err(|error| failed(&error.reason))?,
            "recv" => return channel.receive().map(|value| json!(value)).map_err(not_received),
            "iter" => {
                let values: Result<Vec<i64>, ReceiveError> = channel.results().collect();
                return values.map(|values| json!(values)).map_err(not_received);
            }
            "pref" => channel.set_preference(Preference::from(number(op, 2) as i32)),
            "schedule_all" => channel.set_schedule_all(flag(op, 2)),
            "close" => channel.close(),
            "open" => channel.open(),
            "chan" => {
                let first = channel.queue().map_or(Value::Null, |tasklet| self.index(&tasklet));
                return Ok(json!([channel.balance(), channel.is_closing(), channel.is_closed(), first]));
            }
            other => panic!("no such operation: {other}"),
        }
        Ok(Value::Null)
    }

    fn index(&self, tasklet: &AnyTasklet) -> Value {
        if tasklet.is_main() {
            return json!(MAIN);
        }
        let slots = self.slots.borrow();
        json!(slots.iter().position(|slot| slot.as_ref() == Some(tasklet)))
    }
}

fn control(name: &str, tasklet: &AnyTasklet) -> Result<Value, Failure> {
    match name {
        "insert" => tasklet.insert(),
        "remove" => tasklet.remove(),
        "run" => tasklet.run(),
        "switch" => tasklet.switch(),
        "kill" => tasklet.kill(),
        "raise" => tasklet.throw(Boom(7)),
        _ => return Ok(state(tasklet)),
    }
    .map_err(refused)?;
    Ok(Value::Null)
}
