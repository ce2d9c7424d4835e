//! What the process holds, and whether it stays flat.

use std::fs::{read_dir, read_to_string};

/// What the process holds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Held {
    resident: u64,
    mappings: u64,
    descriptors: u64,
}

impl Held {
    pub(crate) fn now() -> Held {
        let status = read_to_string("/proc/self/status").expect("a Linux with /proc");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        let resident: u64 = resident.and_then(|kib| kib.parse().ok()).expect("VmRSS in kB");
        let mappings = read_to_string("/proc/self/maps").expect("the mappings").lines().count() as u64;
        // One of them is what reads the folder.
        let descriptors = read_dir("/proc/self/fd").expect("the descriptors").count() as u64 - 1;
        Held { resident: resident * 1024, mappings, descriptors }
    }

    /// The larger of each.
    fn max(self, other: Held) -> Held {
        Held {
            resident: self.resident.max(other.resident),
            mappings: self.mappings.max(other.mappings),
            descriptors: self.descriptors.max(other.descriptors),
        }
    }

    /// Names what is larger than its bound.
    fn within(self, bound: Held, when: &str) -> Result<(), String> {
        let named = [
            ("bytes of resident memory", self.resident, bound.resident),
            ("mappings", self.mappings, bound.mappings),
            ("file descriptors", self.descriptors, bound.descriptors),
        ];
        match named.into_iter().find(|(_, value, bound)| value > bound) {
            Some((what, value, bound)) => Err(format!("{value} {what} {when}; at most {bound} was expected")),
            None => Ok(()),
        }
    }
}

/// A series of looks: those of the warm-up set the bound for the others.
pub(crate) struct Flat {
    name: &'static str,
    /// How far above the warm-up's most is flat still: a part, and an amount.
    part: u64,
    bytes: u64,
    mappings: u64,
    most: Held,
    after: Vec<Held>,
    last: Held,
}

impl Flat {
    /// With whatever idle stacks the pools hold.
    pub(crate) fn with_idle_stacks() -> Flat {
        Flat::new("with idle stacks", 8, 8 << 20, 128)
    }

    /// Looks at threads that have just given their idle stacks back.
    pub(crate) fn without() -> Flat {
        Flat::new("without idle stacks", 20, 2 << 20, 16)
    }

    fn new(name: &'static str, part: u64, bytes: u64, mappings: u64) -> Flat {
        Flat { name, part, bytes, mappings, most: Held::default(), after: Vec::new(), last: Held::default() }
    }

    /// Fails if there is more than the warm-up had.
    pub(crate) fn look(&mut self, held: Held, warm: bool) -> Result<(), String> {
        self.last = held;
        if warm || self.most.resident == 0 {
            self.most = self.most.max(held);
            return Ok(());
        }
        self.after.push(held);
        held.within(self.above(self.most), &format!("{}, after the warm-up", self.name))
    }

    /// Fails if the last third of the looks has more than the first: what grows slowly does not get past the bound.
    pub(crate) fn trend(&self) -> Result<(), String> {
        let third = self.after.len() / 3;
        if third == 0 {
            return Ok(());
        }
        let (first, last) = (median(&self.after[..third]), median(&self.after[self.after.len() - third..]));
        last.within(self.above(first), &format!("{}, in the last third", self.name))
    }

    fn above(&self, base: Held) -> Held {
        Held {
            resident: base.resident + base.resident / self.part + self.bytes,
            mappings: base.mappings + base.mappings / self.part + self.mappings,
            descriptors: base.descriptors,
        }
    }

    /// The last looks as text.
    pub(crate) fn last(&self, busy: &Flat) -> String {
        let mib = |held: Held| held.resident as f64 / f64::from(1 << 20);
        let (with, without) = (busy.last, self.last);
        format!(
            "{:.1} MiB resident, {:.1} without idle stacks; {} and {} mappings; {} descriptors",
            mib(with),
            mib(without),
            with.mappings,
            without.mappings,
            without.descriptors
        )
    }
}

/// Of each for itself.
fn median(looks: &[Held]) -> Held {
    let middle = |value: fn(&Held) -> u64| {
        let mut values: Vec<u64> = looks.iter().map(value).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    Held {
        resident: middle(|held| held.resident),
        mappings: middle(|held| held.mappings),
        descriptors: middle(|held| held.descriptors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(mib: u64, mappings: u64, descriptors: u64) -> Held {
        Held { resident: mib << 20, mappings, descriptors }
    }

    #[test]
    fn growth_past_the_warm_up_is_found() {
        let mut flat = Flat::without();
        assert!(flat.look(held(100, 50, 5), true).is_ok());
        assert!(flat.look(held(106, 60, 5), false).is_ok());
        assert!(flat.look(held(108, 60, 5), false).unwrap_err().contains("resident"));
        assert!(flat.look(held(100, 70, 5), false).unwrap_err().contains("mappings"));
        assert!(flat.look(held(100, 60, 6), false).unwrap_err().contains("descriptors"));
    }

    #[test]
    fn slow_growth_is_found() {
        let mut flat = Flat::without();
        flat.look(held(200, 50, 5), true).unwrap();
        for mib in 100..110 {
            flat.look(held(mib, 50, 5), false).unwrap();
        }
        assert!(flat.trend().is_ok());
        for mib in 110..130 {
            flat.look(held(mib, 50, 5), false).unwrap();
        }
        assert!(flat.trend().unwrap_err().contains("last third"));
    }

    #[test]
    fn this_process_holds_something() {
        let now = Held::now();
        assert!(now.resident > 0 && now.mappings > 0 && now.descriptors > 0);
    }
}
