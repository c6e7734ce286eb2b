//! The window of a convolution and of a pool: on each axis, where tap q of output place p reads.
//!
//! ```text
//! at(p, q) = p·stride + q·dilation - padding
//! o        = floor((n + 2·padding - dilation·(kernel - 1) - 1)/stride) + 1
//! ```

use super::field::{Axis, Field};
use crate::view::Shape;
use crate::{Code, Error};

/// The largest kernel, stride, padding or dilation.
const LARGEST: i64 = 65535;

/// The geometry of a window over one axis or two; each part has one number for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    kernel: Vec<usize>,
    stride: Vec<usize>,
    padding: Vec<usize>,
    dilation: Vec<usize>,
}

impl Window {
    /// A window of these parts: numbers from 1 on, for the padding from 0 on. Errors: `shape`.
    pub fn new(kernel: &[i64], stride: &[i64], padding: &[i64], dilation: &[i64]) -> Result<Self, Error> {
        let axes = kernel.len();
        if !(1..=2).contains(&axes) {
            let message = format!("a window has one or two axes, not {axes}");
            return Err(Error::new(Code::Shape, message));
        }
        let part = |name: &str, given: &[i64], least: i64| {
            if given.len() != axes || !given.iter().all(|n| (least..=LARGEST).contains(n)) {
                let message =
                    format!("{name} {given:?}: give a whole number from {least} on for each of {axes} axes");
                return Err(Error::new(Code::Shape, message));
            }
            Ok(given.iter().map(|&n| n as usize).collect())
        };
        Ok(Self {
            kernel: part("kernel", kernel, 1)?,
            stride: part("stride", stride, 1)?,
            padding: part("padding", padding, 0)?,
            dilation: part("dilation", dilation, 1)?,
        })
    }

    /// Number of taps along each axis.
    pub fn kernel(&self) -> &[usize] {
        &self.kernel
    }

    /// Values between two places of the output, along each axis.
    pub fn stride(&self) -> &[usize] {
        &self.stride
    }

    /// Zeros on both sides of each axis.
    pub fn padding(&self) -> &[usize] {
        &self.padding
    }

    /// Values between two taps, along each axis.
    pub fn dilation(&self) -> &[usize] {
        &self.dilation
    }

    /// Number of taps.
    pub(super) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// How many places the window has along axes of these sizes. Errors: `shape` where there is none.
    pub(super) fn places(&self, sizes: &[usize]) -> Result<Vec<usize>, Error> {
        if sizes.len() != self.kernel.len() {
            let (axes, given) = (self.kernel.len(), sizes.len());
            let message = format!("a window over {axes} axes does not fit a signal over {given}");
            return Err(Error::new(Code::Shape, message));
        }
        let along = |axis: usize| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            let room = sizes[axis].saturating_add(2 * self.padding[axis]).checked_sub(reach)?;
            Some(room / self.stride[axis] + 1)
        };
        (0..sizes.len()).map(along).collect::<Option<_>>().ok_or_else(|| {
            let (kernel, sizes) = (Shape(&self.kernel), Shape(sizes));
            let message =
                format!("a window of {kernel} is larger than its input of {sizes} with its padding");
            Error::new(Code::Shape, message)
        })
    }

    /// The window over channels of these sizes, laid out for events. `sizes` are such that `places` gives an answer.
    pub(super) fn over(&self, sizes: &[usize]) -> Result<Field, Error> {
        let places = self.places(sizes)?;
        let axis = |axis: usize| Axis::new(self, axis, sizes[axis], places[axis]);
        // One axis is a row of two axes.
        let (rows, columns) = match sizes.len() {
            1 => (Axis::one(), axis(0)),
            _ => (axis(0), axis(1)),
        };
        Ok(Field::new(rows, columns))
    }
}
