//! An array as a file holds it: its element type is known at run time.

use std::borrow::Cow;

/// The element type of an array in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// Integers of 8 bits.
    I8,
    /// Integers of 16 bits.
    I16,
    /// Integers of 32 bits.
    I32,
}

impl Dtype {
    /// The type of the biases beside weights of this type.
    pub fn of_bias(self) -> Self {
        match self {
            Self::F32 | Self::F64 => self,
            Self::I8 | Self::I16 | Self::I32 => Self::I32,
        }
    }

    /// Bytes of one value.
    pub fn width(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 => 8,
        }
    }

    /// Whether weights of this type make an integer network.
    pub fn is_whole(self) -> bool {
        self.of_bias() == Self::I32
    }
}

/// Values of one type.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Integers of 8 bits: weights of an integer network.
    I8(Vec<i8>),
    /// Integers of 16 bits: weights of an integer network.
    I16(Vec<i16>),
    /// Integers of 32 bits: biases of an integer network.
    I32(Vec<i32>),
}

/// Values of one type where they lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slice<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
    /// Integers of 8 bits.
    I8(&'a [i8]),
    /// Integers of 16 bits.
    I16(&'a [i16]),
    /// Integers of 32 bits.
    I32(&'a [i32]),
}

impl Values {
    /// The values where they lie.
    pub fn as_slice(&self) -> Slice<'_> {
        match self {
            Self::F32(values) => Slice::F32(values),
            Self::F64(values) => Slice::F64(values),
            Self::I8(values) => Slice::I8(values),
            Self::I16(values) => Slice::I16(values),
            Self::I32(values) => Slice::I32(values),
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the values.
    pub fn dtype(&self) -> Dtype {
        self.as_slice().dtype()
    }

    /// As many zeros of this type.
    pub(super) fn zeros(dtype: Dtype, length: usize) -> Self {
        match dtype {
            Dtype::F32 => Self::F32(vec![0.0; length]),
            Dtype::F64 => Self::F64(vec![0.0; length]),
            Dtype::I8 => Self::I8(vec![0; length]),
            Dtype::I16 => Self::I16(vec![0; length]),
            Dtype::I32 => Self::I32(vec![0; length]),
        }
    }

    /// Their bytes, in this machine's order.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::F32(values) => bytemuck::cast_slice_mut(values),
            Self::F64(values) => bytemuck::cast_slice_mut(values),
            Self::I8(values) => bytemuck::cast_slice_mut(values),
            Self::I16(values) => bytemuck::cast_slice_mut(values),
            Self::I32(values) => bytemuck::cast_slice_mut(values),
        }
    }

    /// The values where they are of single precision.
    pub fn as_single(&self) -> Option<Cow<'_, [f32]>> {
        if let Self::F32(values) = self { Some(values.into()) } else { None }
    }

    /// The values where they are of double precision.
    pub fn as_double(&self) -> Option<Cow<'_, [f64]>> {
        if let Self::F64(values) = self { Some(values.into()) } else { None }
    }

    /// The values where they are integers, of 32 bits.
    pub fn as_whole(&self) -> Option<Cow<'_, [i32]>> {
        match self {
            Self::F32(_) | Self::F64(_) => None,
            Self::I8(values) => Some(values.iter().map(|&value| value.into()).collect()),
            Self::I16(values) => Some(values.iter().map(|&value| value.into()).collect()),
            Self::I32(values) => Some(values.into()),
        }
    }

    /// Whether no value is infinite or NaN.
    pub(super) fn are_finite(&self) -> bool {
        self.as_slice().are_finite()
    }
}

impl Slice<'_> {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I8(values) => values.len(),
            Self::I16(values) => values.len(),
            Self::I32(values) => values.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the values.
    pub fn dtype(&self) -> Dtype {
        match self {
            Self::F32(_) => Dtype::F32,
            Self::F64(_) => Dtype::F64,
            Self::I8(_) => Dtype::I8,
            Self::I16(_) => Dtype::I16,
            Self::I32(_) => Dtype::I32,
        }
    }

    /// Whether no value is infinite or NaN.
    pub(super) fn are_finite(&self) -> bool {
        // Blocks, so that the inner loop has no way out and runs in vectors.
        match self {
            Self::F32(values) => {
                values.chunks(1024).all(|block| block.iter().fold(true, |all, x| all & x.is_finite()))
            }
            Self::F64(values) => {
                values.chunks(1024).all(|block| block.iter().fold(true, |all, x| all & x.is_finite()))
            }
            Self::I8(_) | Self::I16(_) | Self::I32(_) => true,
        }
    }
}

macro_rules! from_values {
    ($($type:ty => $variant:ident),+) => {
        $(impl From<Vec<$type>> for Values {
            fn from(values: Vec<$type>) -> Self {
                Self::$variant(values)
            }
        })+
    };
}

from_values!(f32 => F32, f64 => F64, i8 => I8, i16 => I16, i32 => I32);
