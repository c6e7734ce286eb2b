//! The element type of a kernel or a network: `f32` or `f64`.

use std::borrow::Cow;
use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// A floating-point type that kernels compute in. Sealed: `f32` and `f64`.
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
    /// 0.
    const ZERO: Self;
    /// 1/2.
    const HALF: Self;
    /// 1.
    const ONE: Self;
    /// Round a double to the nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// Widen to a double, exactly.
    fn to_f64(self) -> f64;
    /// A whole number from 0 to 127 as such: the last bits of what it is where numbers lie 1 apart. A cast would do, but
    /// for its cases beyond, which keep the compiler from casting many at once.
    fn to_i8(self) -> i8;
    /// The largest whole number that is not above the value.
    fn floor(self) -> Self;
    /// Whether the value is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Whether the value is 0 and not -0.
    fn is_positive_zero(self) -> bool;
    /// The values rounded to this type; copied only where they are of the other.
    fn rounded<I: Element>(values: &[I]) -> Cow<'_, [Self]>;
    /// The values in single precision; copied only where they are not.
    fn to_single(values: &[Self]) -> Cow<'_, [f32]>;
    /// The values in double precision; copied only where they are not.
    fn to_double(values: &[Self]) -> Cow<'_, [f64]>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

macro_rules! element {
    ($type:ty, $to_this:ident, $values:ident, $single:expr, $double:expr) => {
        impl Element for $type {
            const ZERO: Self = 0.0;
            const HALF: Self = 0.5;
            const ONE: Self = 1.0;

            #[inline]
            fn from_f64(value: f64) -> Self {
                value as Self
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
            fn is_finite(self) -> bool {
                <$type>::is_finite(self)
            }

            #[inline]
            fn is_positive_zero(self) -> bool {
                self.to_bits() == 0
            }

            fn rounded<I: Element>(values: &[I]) -> Cow<'_, [Self]> {
                I::$to_this(values)
            }

            fn to_single($values: &[Self]) -> Cow<'_, [f32]> {
                $single
            }

            fn to_double($values: &[Self]) -> Cow<'_, [f64]> {
                $double
            }
        }
    };
}

element!(f32, to_single, values, values.into(), values.iter().map(|&value| f64::from(value)).collect());
element!(f64, to_double, values, values.iter().map(|&value| value as f32).collect(), values.into());
