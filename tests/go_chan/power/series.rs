//! What is computed from series.

use super::rational::{ONE, Rational, ZERO, ratio};
use super::stream::{Coefficient, Maker, Stream};

type Series<C> = Stream<C>;

/// What a series that has ended goes on with.
fn next<C: Coefficient>(series: &Series<C>) -> Rational {
    series.get().unwrap_or(ZERO)
}

impl Maker {
    /// c / (1 - x).
    pub(crate) fn constant<C: Coefficient>(&self, c: Rational) -> Series<C> {
        self.stream(move |_, out| {
            loop {
                out.put(c)?;
            }
        })
    }

    /// Some coefficients, and the end.
    pub(crate) fn polynomial<C: Coefficient>(&self, coefficients: Vec<Rational>) -> Series<C> {
        self.stream(move |_, out| coefficients.into_iter().try_for_each(|c| out.put(c)))
    }

    pub(crate) fn add<C: Coefficient>(&self, u: Series<C>, v: Series<C>) -> Series<C> {
        self.stream(move |_, out| {
            loop {
                out.awaited()?;
                match (u.get(), v.get()) {
                    (Err(_), Err(over)) => return Err(over),
                    (u, v) => out.answer(u.unwrap_or(ZERO) + v.unwrap_or(ZERO))?,
                }
            }
        })
    }

    /// c U.
    pub(crate) fn scaled<C: Coefficient>(&self, c: Rational, u: Series<C>) -> Series<C> {
        self.stream(move |_, out| {
            loop {
                out.awaited()?;
                out.answer(c * u.get()?)?;
            }
        })
    }

    pub(crate) fn sub<C: Coefficient>(&self, u: Series<C>, v: Series<C>) -> Series<C> {
        let v = self.scaled(-ONE, v);
        self.add(u, v)
    }

    /// c + x U.
    pub(crate) fn shift<C: Coefficient>(&self, c: Rational, u: Series<C>) -> Series<C> {
        self.stream(move |_, out| {
            out.put(c)?;
            out.copy(&u)
        })
    }

    /// U (c x^n).
    pub(crate) fn in_monomial<C: Coefficient>(&self, u: Series<C>, c: Rational, n: usize) -> Series<C> {
        self.stream(move |_, out| {
            let mut power = ONE;
            loop {
                out.awaited()?;
                out.answer(u.get()? * power)?;
                power = power * c;
                (1..n).try_for_each(|_| out.put(ZERO))?;
            }
        })
    }

    /// (u + x U') (v + x V') = u v + x (u V' + v U' + x U' V').
    pub(crate) fn mul<C: Coefficient>(&self, u: Series<C>, v: Series<C>) -> Series<C> {
        self.stream(move |maker, out| {
            out.awaited()?;
            let (c, d) = (u.get()?, v.get()?);
            out.answer(c * d)?;
            let ((u, also_u), (v, also_v)) = (maker.split(u), maker.split(v));
            let crossed = maker.add(maker.scaled(c, v), maker.scaled(d, u));
            // Not before it is asked for: it may be computed from this very series.
            out.awaited()?;
            out.answer(next(&crossed))?;
            out.copy(&maker.add(crossed, maker.mul(also_u, also_v)))
        })
    }

    pub(crate) fn derivative<C: Coefficient>(&self, u: Series<C>) -> Series<C> {
        self.stream(move |_, out| {
            out.awaited()?;
            u.get()?;
            for n in 1.. {
                out.answer(ratio(n, 1) * u.get()?)?;
                out.awaited()?;
            }
            Ok(())
        })
    }

    /// The integral that is c at 0.
    pub(crate) fn integral<C: Coefficient>(&self, c: Rational, u: Series<C>) -> Series<C> {
        self.stream(move |_, out| {
            out.put(c)?;
            for n in 1.. {
                out.awaited()?;
                out.answer(ratio(1, n) * u.get()?)?;
            }
            Ok(())
        })
    }

    /// e^U for a U that is 0 at 0: the one whose derivative is U' times itself.
    pub(crate) fn exp<C: Coefficient>(&self, u: Series<C>) -> Series<C> {
        self.feedback(move |maker, itself| {
            let slope = maker.mul(itself, maker.derivative(u));
            maker.integral(ONE, slope)
        })
    }

    /// 1 / (u + x U'): the Z with u Z = 1 - x U' Z.
    pub(crate) fn reciprocal<C: Coefficient>(&self, u: Series<C>) -> Series<C> {
        self.stream(move |maker, out| {
            out.awaited()?;
            let inverse = u.get()?.inverse();
            out.answer(inverse)?;
            let z = maker.feedback(|maker, itself| {
                let itself = maker.shift(inverse, itself);
                maker.scaled(-inverse, maker.mul(u, itself))
            });
            out.copy(&z)
        })
    }

    /// U (V) for a V that is 0 at 0: u + x (V / x) U' (V).
    pub(crate) fn compose<C: Coefficient>(&self, u: Series<C>, v: Series<C>) -> Series<C> {
        self.stream(move |maker, out| {
            out.awaited()?;
            let (v, again) = maker.split(v);
            out.answer(u.get()?)?;
            out.awaited()?;
            assert_eq!(next(&v), ZERO, "it has a constant term");
            let rest = maker.mul(v, maker.compose(u, again));
            out.answer(next(&rest))?;
            out.copy(&rest)
        })
    }

    /// The V with U (V) = x, for a U that is 0 at 0: V = x / Q (V), where U = x Q.
    pub(crate) fn inverse_function<C: Coefficient>(&self, u: Series<C>) -> Series<C> {
        self.feedback(move |maker, itself| {
            let quotient = maker.stream(move |_, out| {
                out.awaited()?;
                u.get()?;
                out.answer(u.get()?)?;
                out.copy(&u)
            });
            let around = maker.reciprocal(maker.compose(quotient, itself));
            maker.shift(ZERO, around)
        })
    }
}
