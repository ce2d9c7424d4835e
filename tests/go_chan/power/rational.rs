//! Fractions, in lowest terms and with a positive denominator.

use std::ops::{Add, Mul, Neg};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rational {
    over: i128,
    under: i128,
}

pub(crate) const ZERO: Rational = Rational { over: 0, under: 1 };
pub(crate) const ONE: Rational = Rational { over: 1, under: 1 };

pub(crate) fn ratio(over: i128, under: i128) -> Rational {
    let (mut a, mut b) = (over, under);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    assert_ne!(a, 0, "a fraction {over}/{under}");
    let common = if (under < 0) == (a < 0) { a } else { -a };
    Rational { over: over / common, under: under / common }
}

impl Rational {
    pub(crate) fn inverse(self) -> Rational {
        ratio(self.under, self.over)
    }
}

impl From<i128> for Rational {
    fn from(whole: i128) -> Rational {
        ratio(whole, 1)
    }
}

impl Add for Rational {
    type Output = Rational;

    fn add(self, other: Rational) -> Rational {
        ratio(self.over * other.under + other.over * self.under, self.under * other.under)
    }
}

impl Mul for Rational {
    type Output = Rational;

    fn mul(self, other: Rational) -> Rational {
        ratio(self.over * other.over, self.under * other.under)
    }
}

impl Neg for Rational {
    type Output = Rational;

    fn neg(self) -> Rational {
        ratio(-self.over, self.under)
    }
}

#[test]
fn fractions() {
    assert_eq!(ratio(6, -4), ratio(-3, 2));
    assert_eq!(ratio(0, -7), ZERO);
    assert_eq!(ratio(1, 6) + ratio(1, 3), ratio(1, 2));
    assert_eq!(ratio(2, 3) * ratio(-3, 2), -ONE);
    assert_eq!(ratio(-2, 3).inverse(), ratio(-3, 2));
}
