//! Series that are known.

use super::rational::{ONE, Rational, ZERO, ratio};
use super::stream::{Coefficient, Maker, Stream};
use crate::common::checked;
use crate::support::{PLACES, everywhere};

/// What a series begins with; by the first difference if that is not it.
#[track_caller]
fn begins<C: Coefficient>(name: &str, series: Stream<C>, expected: &[Rational]) {
    for (n, expected) in expected.iter().enumerate() {
        let got = series.get().unwrap_or(ZERO);
        assert_eq!(got, *expected, "coefficient {n} of {name}");
    }
}

fn whole(numbers: &[i128]) -> Vec<Rational> {
    numbers.iter().map(|number| Rational::from(*number)).collect()
}

fn factorial(n: i128) -> i128 {
    (1..=n).product()
}

/// Those of powser1.go, with the coefficients as `C` on their way.
fn known<C: Coefficient>(maker: &Maker) {
    let ones = || maker.constant::<C>(ONE);
    let twos = || maker.constant::<C>(ratio(2, 1));
    begins("1/(1-x)", ones(), &[ONE; 10]);
    begins("a sum", maker.add(ones(), twos()), &[ratio(3, 1); 10]);
    begins("a difference", maker.sub(ones(), twos()), &[-ONE; 10]);
    let polynomial = maker.polynomial::<C>(whole(&[1, 2, 3]));
    begins("a sum with an end", maker.add(ones(), polynomial), &whole(&[2, 3, 4, 1, 1]));
    begins("a derivative", maker.derivative(ones()), &whole(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    let logarithm: Vec<Rational> = std::iter::once(ZERO).chain((1..10).map(|n| ratio(1, n))).collect();
    begins("an integral", maker.integral(ZERO, ones()), &logarithm);
    begins("a product", maker.mul(ones(), ones()), &whole(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    let (three, two) = (maker.polynomial::<C>(whole(&[1, 2, 3])), maker.polynomial(whole(&[1, 1])));
    begins("a product with an end", maker.mul(three, two), &whole(&[1, 3, 5, 3, 0, 0]));
    let (some, same) = maker.split(maker.polynomial::<C>(whole(&[1, 2, 3])));
    begins("what ends", some, &whole(&[1, 2, 3, 0]));
    begins("what ended for the other half", same, &whole(&[1, 2, 3, 0]));
    begins("1/(1+x^2)", maker.in_monomial(ones(), -ONE, 2), &whole(&[1, 0, -1, 0, 1, 0, -1, 0, 1, 0]));
    let difference = maker.polynomial::<C>(whole(&[1, -1]));
    begins("a reciprocal", maker.reciprocal(difference), &[ONE; 10]);
    let x = maker.polynomial::<C>(whole(&[0, 1]));
    let exponential: Vec<Rational> = (0..10).map(|n| ratio(1, factorial(n))).collect();
    begins("e^x", maker.exp(x), &exponential);
}

/// Those that take the most tasklets.
fn deep<C: Coefficient>(maker: &Maker) {
    let ones = || maker.constant::<C>(ONE);
    let begin = [(1, 1), (1, 1), (3, 2), (13, 6), (73, 24), (167, 40), (4_051, 720), (37_633, 5_040)];
    begins("e^(1/(1-x) - 1)", maker.exp(ones()), &begin.map(|(over, under)| ratio(over, under)));
    let geometric = maker.shift(ZERO, ones());
    // 1 / (1 - x/(1-x)) = 1 + x / (1 - 2x).
    begins("a composition", maker.compose(ones(), geometric), &whole(&[1, 1, 2, 4, 8, 16, 32]));
    let arcus = || maker.integral(ZERO, maker.in_monomial(ones(), -ONE, 2));
    let begin = [(0, 1), (1, 1), (0, 1), (-1, 3), (0, 1), (1, 5), (0, 1), (-1, 7)];
    begins("atan", arcus(), &begin.map(|(over, under)| ratio(over, under)));
    let begin = [(0, 1), (1, 1), (0, 1), (1, 3), (0, 1), (2, 15), (0, 1), (17, 315)];
    begins("tan", maker.inverse_function(arcus()), &begin.map(|(over, under)| ratio(over, under)));
}

/// powser1.go.
#[test]
fn powser1() {
    checked(|| everywhere(|go, kind| known::<Rational>(&Maker { go: go.clone(), kind })));
}

/// powser1.go: the tangent, as the inverse function of what is computed from 1/(1+x^2), and the exponential of 1/(1-x).
#[test]
fn powser1_deep() {
    checked(|| {
        for place in PLACES {
            for kind in [Some(0), Some(1), None] {
                place.run(move |go| deep::<Rational>(&Maker { go: go.clone(), kind }));
            }
        }
    });
}

/// A number behind a pointer, of a type that is known at run time only.
trait Number: Send {
    fn value(&self) -> Rational;
}

impl Number for Rational {
    fn value(&self) -> Rational {
        *self
    }
}

struct Boxed(Box<dyn Number>);

impl From<Rational> for Boxed {
    fn from(number: Rational) -> Boxed {
        Boxed(Box::new(number))
    }
}

impl From<Boxed> for Rational {
    fn from(boxed: Boxed) -> Rational {
        boxed.0.value()
    }
}

/// powser2.go: the same, with interface values in the channels.
#[test]
fn powser2() {
    checked(|| {
        everywhere(|go, kind| known::<Boxed>(&Maker { go: go.clone(), kind }));
        for place in PLACES {
            place.run(|go| deep::<Boxed>(&Maker { go: go.clone(), kind: Some(0) }));
        }
    });
}
