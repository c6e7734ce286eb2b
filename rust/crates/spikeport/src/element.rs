//! The element type of a kernel or a network: `f32`, `f64`, or `i32` for whole numbers.

use std::borrow::Cow;
use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use crate::{Code, Error};

/// A type that kernels compute in. Sealed: `f32`, `f64` and `i32`.
///
/// Floats are rounded to it. Whole numbers are never rounded and never overflow: what has a fraction, and a call that
/// could pass 32 bits, is refused before it starts.
pub trait Element:
    Copy
    + Default
    + Debug
    + Display
    + PartialOrd
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + From<i8>
    + Send
    + Sync
    + sealed::Sealed
    + 'static
{
    /// Whether its values are whole numbers.
    const IS_WHOLE: bool;
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Round a double to the nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// A double in this type, rounded where that is one of floats.
    ///
    /// Errors, for whole numbers: `non_finite`, `not_whole`, and `overflow` for one above 2^31 - 1 in absolute value.
    fn try_from_f64(value: f64) -> Result<Self, Error>;
    /// Widen to a double, exactly.
    fn to_f64(self) -> f64;
    /// A whole number from 0 to 127 as such: the last bits of what it is where numbers lie 1 apart. A cast would do, but
    /// for its cases beyond, which keep the compiler from casting many at once.
    fn to_i8(self) -> i8;
    /// The largest whole number that is not above the value.
    fn floor(self) -> Self;
    /// The absolute value as a whole number, rounded up: what bounds are counted in.
    fn magnitude(self) -> u64;
    /// Whether kernels compute with the value: it is neither infinite nor NaN, and of whole numbers not -2^31, whose
    /// absolute value is none.
    fn is_finite(self) -> bool;
    /// Whether the value is 0 and not -0.
    fn is_positive_zero(self) -> bool;
    /// The values in this type, as by [`Element::try_from_f64`]; copied only where they are of another.
    fn rounded<I: Element>(values: &[I]) -> Result<Cow<'_, [Self]>, Error>;
    /// The values in single precision; copied only where they are not.
    fn to_single(values: &[Self]) -> Cow<'_, [f32]>;
    /// The values in double precision; copied only where they are not.
    fn to_double(values: &[Self]) -> Cow<'_, [f64]>;
    /// The values as whole numbers; copied only where they are none. Errors: those of [`Element::try_from_f64`].
    fn to_whole(values: &[Self]) -> Result<Cow<'_, [i32]>, Error>;
}

/// A floating-point type, for kernels whose results are no whole numbers.
pub trait Float: Element {
    /// 1/2.
    const HALF: Self;
}

mod sealed {
    use crate::integrate_fire::IntegrateFire;
    use crate::multistep::{Drive, TraceBuffer, fire};
    use crate::st_bif::StBif;
    use crate::{Element, Error};

    /// The kernels of a type, compiled here once: what is generic, every crate would compile for itself.
    #[allow(private_interfaces)]
    pub trait Sealed: Sized {
        fn fire_integrate_fire(
            neurons: &IntegrateFire<Self>,
            drive: Drive<'_, Self>,
            to: TraceBuffer<'_, Self>,
        ) -> Result<bool, Error>
        where
            Self: Element;
        fn fire_st_bif(
            neurons: &StBif<Self>,
            drive: Drive<'_, Self>,
            to: TraceBuffer<'_, Self>,
        ) -> Result<bool, Error>
        where
            Self: Element;
    }

    macro_rules! compiled {
        ($type:ty) => {
            #[allow(private_interfaces)]
            impl Sealed for $type {
                fn fire_integrate_fire(
                    neurons: &IntegrateFire<Self>,
                    drive: Drive<'_, Self>,
                    to: TraceBuffer<'_, Self>,
                ) -> Result<bool, Error> {
                    fire(neurons, drive, to)
                }

                fn fire_st_bif(
                    neurons: &StBif<Self>,
                    drive: Drive<'_, Self>,
                    to: TraceBuffer<'_, Self>,
                ) -> Result<bool, Error> {
                    fire(neurons, drive, to)
                }
            }
        };
    }

    compiled!(f32);
    compiled!(f64);
    compiled!(i32);
}

macro_rules! float {
    ($type:ty, $to_this:ident, $values:ident, $single:expr, $double:expr) => {
        impl Float for $type {
            const HALF: Self = 0.5;
        }

        impl Element for $type {
            const IS_WHOLE: bool = false;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline]
            fn from_f64(value: f64) -> Self {
                value as Self
            }

            #[inline]
            fn try_from_f64(value: f64) -> Result<Self, Error> {
                Ok(value as Self)
            }

            #[inline]
            fn to_f64(self) -> f64 {
                self.into()
            }

            #[inline]
            fn to_i8(self) -> i8 {
                (self + 1.0 / <$type>::EPSILON).to_bits() as i8
            }

            #[inline]
            fn floor(self) -> Self {
                <$type>::floor(self)
            }

            #[inline]
            fn magnitude(self) -> u64 {
                self.abs().ceil() as u64
            }

            #[inline]
            fn is_finite(self) -> bool {
                <$type>::is_finite(self)
            }

            #[inline]
            fn is_positive_zero(self) -> bool {
                self.to_bits() == 0
            }

            fn rounded<I: Element>(values: &[I]) -> Result<Cow<'_, [Self]>, Error> {
                Ok(I::$to_this(values))
            }

            fn to_single($values: &[Self]) -> Cow<'_, [f32]> {
                $single
            }

            fn to_double($values: &[Self]) -> Cow<'_, [f64]> {
                $double
            }

            fn to_whole(values: &[Self]) -> Result<Cow<'_, [i32]>, Error> {
                values.iter().map(|&value| i32::try_from_f64(value.into())).collect()
            }
        }
    };
}

float!(f32, to_single, values, values.into(), values.iter().map(|&value| f64::from(value)).collect());
float!(f64, to_double, values, values.iter().map(|&value| value as f32).collect(), values.into());

impl Element for i32 {
    const IS_WHOLE: bool = true;
    const ZERO: Self = 0;
    const ONE: Self = 1;

    #[inline]
    fn from_f64(value: f64) -> Self {
        value.round_ties_even() as Self
    }

    fn try_from_f64(value: f64) -> Result<Self, Error> {
        let (code, wanted) = if !value.is_finite() {
            (Code::NonFinite, "a finite number")
        } else if value.fract() != 0.0 {
            (Code::NotWhole, "a whole number")
        } else if value.abs() > f64::from(Self::MAX) {
            (Code::Overflow, "a number of at most 2^31 - 1 in absolute value")
        } else {
            return Ok(value as Self);
        };
        Err(Error::new(code, format!("{value:?} among integers: give {wanted}")))
    }

    #[inline]
    fn to_f64(self) -> f64 {
        self.into()
    }

    #[inline]
    fn to_i8(self) -> i8 {
        self as i8
    }

    #[inline]
    fn floor(self) -> Self {
        self
    }

    #[inline]
    fn magnitude(self) -> u64 {
        self.unsigned_abs().into()
    }

    #[inline]
    fn is_finite(self) -> bool {
        self != Self::MIN
    }

    #[inline]
    fn is_positive_zero(self) -> bool {
        self == 0
    }

    fn rounded<I: Element>(values: &[I]) -> Result<Cow<'_, [Self]>, Error> {
        I::to_whole(values)
    }

    fn to_single(values: &[Self]) -> Cow<'_, [f32]> {
        values.iter().map(|&value| value as f32).collect()
    }

    fn to_double(values: &[Self]) -> Cow<'_, [f64]> {
        values.iter().map(|&value| value.into()).collect()
    }

    fn to_whole(values: &[Self]) -> Result<Cow<'_, [i32]>, Error> {
        Ok(values.into())
    }
}
