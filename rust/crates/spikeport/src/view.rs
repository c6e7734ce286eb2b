//! A borrowed array.

use std::fmt;

use crate::{Code, Element, Error};

/// A borrowed array in row-major order, with its shape.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, F> {
    data: &'a [F],
    shape: &'a [usize],
}

impl<'a, F: Element> View<'a, F> {
    /// Borrow `data` as an array of `shape`; an error with code `shape` where the number of values is another.
    pub fn new(data: &'a [F], shape: &'a [usize]) -> Result<Self, Error> {
        let size = shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n));
        if size != Some(data.len()) {
            let message = format!("{} values do not fill an array of shape {}", data.len(), Shape(shape));
            return Err(Error::new(Code::Shape, message));
        }
        Ok(Self { data, shape })
    }

    /// The values, last index fastest.
    pub fn data(&self) -> &'a [F] {
        self.data
    }

    /// The length of every axis.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// The length of the last axis: 1 where there is none.
    pub(crate) fn width(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }
}

/// A shape, printed as in Python.
pub(crate) struct Shape<'a>(pub &'a [usize]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        let comma = if axes.len() == 1 { "," } else { "" };
        write!(formatter, "({}{comma})", axes.join(", "))
    }
}
