//! An operation without its arrays: a word and its attributes, as files and runners have them.

use super::{Add, Concat, Conv, Linear, MaxPool, Operation, Pool, Window, conv, join, linear, pool};
use crate::{Code, Element, Error, View};

/// The table of operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// `I[j] = (Σ_k W[j, k]·x[k]) + b[j]`
    Linear,
    /// `I[c, p] = (Σ_{d, q} W[c, d, q]·x[g·(C/groups) + d, at(p, q)]) + b[c]`
    Conv {
        /// Its window.
        window: Window,
        /// Into how many parts, which do not see each other, the channels are split.
        groups: usize,
    },
    /// `I[c, p] = Σ_q x[c, at(p, q)]`
    SumPool(Window),
    /// The sum of a window over the number of its places.
    AvgPool(Window),
    /// The difference of running maxima.
    MaxPool(Window),
    /// `I = ((0 + x_0) + x_1) + …`
    Add,
    /// `I = x_0, behind it x_1, …` along the first axis.
    Concat,
}

/// The attributes of an operation as they are given; `None` for what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Number of taps along each axis of the window.
    pub kernel: Option<Vec<i64>>,
    /// Values between two places: by default 1, for pools the kernel.
    pub stride: Option<Vec<i64>>,
    /// Zeros on both sides: by default 0.
    pub padding: Option<Vec<i64>>,
    /// Values between two taps: by default 1.
    pub dilation: Option<Vec<i64>>,
    /// By default 1.
    pub groups: Option<i64>,
}

impl OperationKind {
    /// The operation of this name and these attributes. Errors: `operation`, `shape`.
    pub fn new(name: &str, attributes: &Attributes) -> Result<Self, Error> {
        Ok(match name {
            "linear" => Self::Linear,
            "conv" => Self::Conv { window: attributes.window(false)?, groups: attributes.groups()? },
            "sum_pool" => Self::SumPool(attributes.pool()?),
            "avg_pool" => Self::AvgPool(attributes.pool()?),
            "max_pool" => Self::MaxPool(attributes.pool()?),
            "add" => Self::Add,
            "concat" => Self::Concat,
            _ => {
                let message = format!(
                    "there is no operation '{name}': give linear, conv, sum_pool, avg_pool, max_pool, add or concat"
                );
                return Err(Error::new(Code::Operation, message));
            }
        })
    }

    /// Its word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Conv { .. } => "conv",
            Self::SumPool(_) => "sum_pool",
            Self::AvgPool(_) => "avg_pool",
            Self::MaxPool(_) => "max_pool",
            Self::Add => "add",
            Self::Concat => "concat",
        }
    }

    /// Its window, if it has one.
    pub fn window(&self) -> Option<&Window> {
        match self {
            Self::Conv { window, .. } => Some(window),
            Self::SumPool(window) | Self::AvgPool(window) | Self::MaxPool(window) => Some(window),
            Self::Linear | Self::Add | Self::Concat => None,
        }
    }

    /// Whether it has a weight, and may have a bias.
    pub fn has_weight(&self) -> bool {
        matches!(self, Self::Linear | Self::Conv { .. })
    }

    /// The shape of what it gives; `out` is the first axis of its weight, where it has one. Errors: `shape`.
    pub fn output_shape(&self, inputs: &[&[usize]], out: usize) -> Result<Vec<usize>, Error> {
        match self {
            Self::Linear => linear::output_shape(inputs, out),
            Self::Conv { window, groups } => conv::output_shape(window, *groups, inputs, out),
            Self::SumPool(window) | Self::AvgPool(window) | Self::MaxPool(window) => {
                pool::output_shape(window, inputs)
            }
            Self::Add => join::sum_shape(inputs),
            Self::Concat => join::concat_shape(inputs),
        }
    }

    /// The shape of its weight where it reads a signal of shape `input`, or `None` where it has none.
    pub fn weight_shape(&self, input: &[usize], out: usize) -> Option<Vec<usize>> {
        match self {
            Self::Linear => Some(vec![out, input.iter().product()]),
            Self::Conv { window, groups } => Some([&[out, input[0] / groups], window.kernel()].concat()),
            _ => None,
        }
    }

    /// The operation with its arrays, laid out for running. Errors: `shape`, `non_finite`, `too_large`, `overflow`.
    pub fn build<E: Element>(
        &self,
        weight: Option<View<'_, E>>,
        bias: Option<View<'_, E>>,
    ) -> Result<Box<dyn Operation<E>>, Error> {
        let weight = match (self.has_weight(), weight) {
            (true, Some(weight)) => Ok(weight),
            (false, None) if bias.is_none() => {
                return Ok(match self {
                    Self::SumPool(window) => Box::new(Pool::new(window.clone(), false)?),
                    Self::AvgPool(window) => Box::new(Pool::new(window.clone(), true)?),
                    Self::MaxPool(window) => Box::new(MaxPool::new(window.clone())?),
                    Self::Add => Box::new(Add),
                    _ => Box::new(Concat),
                });
            }
            (true, None) => Err(format!("{} needs a weight", self.name())),
            (false, _) => Err(format!("{} has no arrays: leave out weight and bias", self.name())),
        };
        let weight = weight.map_err(|message| Error::new(Code::Shape, message))?;
        Ok(match self {
            Self::Conv { window, groups } => Box::new(Conv::new(window.clone(), *groups, weight, bias)?),
            _ => Box::new(Linear::new(weight, bias)?),
        })
    }
}

impl Attributes {
    fn window(&self, is_pool: bool) -> Result<Window, Error> {
        let Some(kernel) = &self.kernel else {
            return Err(Error::new(Code::Shape, "a window needs a kernel"));
        };
        let each = |value: i64| vec![value; kernel.len()];
        let stride = self.stride.clone().unwrap_or_else(|| if is_pool { kernel.clone() } else { each(1) });
        let padding = self.padding.clone().unwrap_or_else(|| each(0));
        let dilation = self.dilation.clone().filter(|_| !is_pool).unwrap_or_else(|| each(1));
        Window::new(kernel, &stride, &padding, &dilation)
    }

    fn pool(&self) -> Result<Window, Error> {
        let window = self.window(true)?;
        pool::check(&window)?;
        Ok(window)
    }

    fn groups(&self) -> Result<usize, Error> {
        match self.groups.unwrap_or(1) {
            groups @ 1.. => Ok(groups as usize),
            groups => Err(Error::new(Code::Shape, format!("groups {groups}: give a number from 1 on"))),
        }
    }
}
