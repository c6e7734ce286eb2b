//! The files of a checkpoint, read into NumPy's arrays and written from them.

use std::path::PathBuf;

use numpy::{Element, IntoPyArray, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use spikeport::checkpoint::{
    Checkpoint, CheckpointLayer, Dtype, LayerSlices, Loaded, Opened, Reading, Slice, Values,
    neuron_from_rows, neuron_to_rows,
};
use spikeport::{OperationKind, Source};

use crate::operation::{PyAttributes, attributes};
use crate::results::Raise;

/// Rows of a neuron, as version 2 has them.
const ROWS: usize = 8;

/// A layer as it is saved: name, label, operation and its attributes, what it reads (the input is -1), shape, weight, bias,
/// and the eight rows of its neuron.
#[derive(FromPyObject)]
pub struct PyLayer<'py>(
    String,
    String,
    String,
    PyAttributes,
    Vec<i64>,
    Vec<usize>,
    Option<PyValues<'py>>,
    Option<PyValues<'py>>,
    Option<PyReadonlyArrayDyn<'py, f64>>,
);

/// Values of any type that a file may hold, in C order.
enum PyValues<'py> {
    F32(PyReadonlyArrayDyn<'py, f32>),
    F64(PyReadonlyArrayDyn<'py, f64>),
    I8(PyReadonlyArrayDyn<'py, i8>),
    I16(PyReadonlyArrayDyn<'py, i16>),
    I32(PyReadonlyArrayDyn<'py, i32>),
}

impl<'py> FromPyObject<'_, 'py> for PyValues<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        macro_rules! first_that_fits {
            ($($variant:ident: $type:ty),+) => {
                $(if let Ok(array) = object.cast::<PyArrayDyn<$type>>() {
                    return Ok(Self::$variant(array.try_readonly()?));
                })+
            };
        }
        first_that_fits!(F32: f32, F64: f64, I8: i8, I16: i16, I32: i32);
        Err(PyValueError::new_err("a checkpoint holds arrays of float32, float64, int8, int16 or int32"))
    }
}

impl PyValues<'_> {
    fn shape(&self) -> &[usize] {
        match self {
            Self::F32(values) => values.shape(),
            Self::F64(values) => values.shape(),
            Self::I8(values) => values.shape(),
            Self::I16(values) => values.shape(),
            Self::I32(values) => values.shape(),
        }
    }

    fn slice(&self) -> PyResult<Slice<'_>> {
        fn in_order<'a, T: Element>(array: &'a PyReadonlyArrayDyn<'_, T>) -> PyResult<&'a [T]> {
            // What is in Fortran order has a slice, too.
            match array.is_c_contiguous() {
                true => Ok(array.as_slice()?),
                false => Err(PyValueError::new_err("an array of a checkpoint must be in C order")),
            }
        }
        Ok(match self {
            Self::F32(values) => Slice::F32(in_order(values)?),
            Self::F64(values) => Slice::F64(in_order(values)?),
            Self::I8(values) => Slice::I8(in_order(values)?),
            Self::I16(values) => Slice::I16(in_order(values)?),
            Self::I32(values) => Slice::I32(in_order(values)?),
        })
    }
}

/// Write the two files of a checkpoint. Raises where they would not load, or cannot be written.
#[pyfunction]
#[pyo3(signature = (path, input_shape, layers, frozen, metadata, durable))]
pub fn checkpoint_save(
    py: Python<'_>,
    path: PathBuf,
    input_shape: Vec<usize>,
    layers: Vec<PyLayer<'_>>,
    frozen: Vec<String>,
    metadata: String,
    durable: bool,
) -> PyResult<()> {
    let (mut outlines, mut slices) = (Vec::with_capacity(layers.len()), Vec::<LayerSlices<'_>>::new());
    for layer in &layers {
        outlines.push(outline(py, layer)?);
        let PyLayer(.., weight, bias, _) = layer;
        slices.push([
            weight.as_ref().map(PyValues::slice).transpose()?,
            bias.as_ref().map(PyValues::slice).transpose()?,
        ]);
    }
    let checkpoint = Checkpoint { input_shape, layers: outlines, frozen, metadata };
    for (outline, PyLayer(.., weight, bias, _)) in checkpoint.layers.iter().zip(&layers) {
        let shape = outline.weight_shape(&checkpoint.input_shape, &checkpoint.layers);
        let fits = |values: &Option<PyValues<'_>>, shape: &[usize]| {
            values.as_ref().is_none_or(|values| values.shape() == shape)
        };
        if !fits(weight, shape.as_deref().unwrap_or_default()) || !fits(bias, &outline.shape[..1]) {
            return Err(PyValueError::new_err("an array of a checkpoint has not the shape of its layer"));
        }
    }
    py.detach(|| checkpoint.save_arrays(&slices, &path, durable)).raise(py)
}

fn outline(py: Python<'_>, layer: &PyLayer<'_>) -> PyResult<CheckpointLayer> {
    let PyLayer(name, kind, operation, given, inputs, shape, _, _, rows) = layer;
    if shape.is_empty() {
        return Err(PyValueError::new_err("a layer has a shape of one axis or more"));
    }
    let operation = attributes(given).and_then(|given| OperationKind::new(operation, &given)).raise(py)?;
    let inputs = inputs.iter().map(|&index| usize::try_from(index).map_or(Source::Input, Source::Node));
    let mut outline =
        CheckpointLayer::new(name.clone(), kind.clone(), operation, inputs.collect(), shape.clone());
    if let Some(rows) = rows {
        outline.neuron = Some(neuron_from_rows(kind, rows.as_slice()?, ROWS).raise(py)?);
    }
    Ok(outline)
}

/// Read the two files of a checkpoint, everything checked: the shape of its input, its layers, the names of those that are
/// frozen, its metadata as text. Raises where it is refused.
///
/// A layer is (name, label, operation, its attributes, what it reads, shape, weight, bias, rows of its neuron).
#[pyfunction]
pub fn checkpoint_load<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyTuple>> {
    let large = match py.detach(|| Checkpoint::open(&path)).raise(py)? {
        Reading::Large(opened) => large(py, *opened),
        Reading::Whole(loaded) => Some(whole(py, loaded.checkpoint)?),
    };
    let (checkpoint, arrays) = match large {
        Some(read) => read,
        None => whole(py, py.detach(|| Checkpoint::load_whole(&path)).raise(py)?.checkpoint)?,
    };
    let Checkpoint { input_shape, layers, frozen, metadata } = checkpoint;
    let layers: Vec<_> = layers
        .into_iter()
        .zip(arrays)
        .map(|(layer, arrays)| as_tuple(py, layer, arrays))
        .collect::<PyResult<_>>()?;
    (PyTuple::new(py, input_shape)?, layers, frozen, metadata).into_pyobject(py)
}

/// The weight and the bias of a layer, where it has them.
type Learned<'py> = [Option<Bound<'py, PyAny>>; 2];

/// A large checkpoint, its arrays read straight into those of NumPy, which lie in large pages.
fn large(py: Python<'_>, opened: Opened) -> Option<(Checkpoint, Vec<Learned<'_>>)> {
    let mut arrays = vec![Learned::default(); opened.n_layers()];
    let mut room: Vec<&mut [u8]> = Vec::new();
    for member in opened.arrays() {
        let (array, bytes) = match member.dtype {
            Dtype::F32 => empty::<f32>(py, &member.shape),
            Dtype::F64 => empty::<f64>(py, &member.shape),
            Dtype::I8 => empty::<i8>(py, &member.shape),
            Dtype::I16 => empty::<i16>(py, &member.shape),
            Dtype::I32 => empty::<i32>(py, &member.shape),
        };
        arrays[member.layer][usize::from(member.is_bias)] = Some(array);
        room.push(bytes);
    }
    let read = py.detach(|| opened.read_into(&mut room));
    read.map(|Loaded { checkpoint, .. }| (checkpoint, arrays))
}

/// A new array that nobody else knows, and its bytes to fill.
fn empty<'py, 'a, T: Element>(py: Python<'py>, shape: &[usize]) -> (Bound<'py, PyAny>, &'a mut [u8]) {
    let length = shape.iter().product::<usize>() * size_of::<T>();
    // SAFETY: all its values are written before anybody reads one: where not all are, the array is dropped unseen.
    let array = unsafe { PyArrayDyn::<T>::new(py, shape, false) };
    // SAFETY: a new array in C order owns `length` bytes from its data pointer on, which as numbers may have any value.
    // `large`, which alone has the array, keeps it alive for as long as it uses them, and reads them in no other way.
    let bytes = unsafe { std::slice::from_raw_parts_mut(array.data().cast::<u8>(), length) };
    (array.into_any(), bytes)
}

/// A checkpoint read whole, its arrays taken out of it.
fn whole(py: Python<'_>, mut checkpoint: Checkpoint) -> PyResult<(Checkpoint, Vec<Learned<'_>>)> {
    let mut arrays = Vec::with_capacity(checkpoint.layers.len());
    for index in 0..checkpoint.layers.len() {
        let shape = checkpoint.layers[index].weight_shape(&checkpoint.input_shape, &checkpoint.layers);
        let CheckpointLayer { weight, bias, shape: out, .. } = &mut checkpoint.layers[index];
        let weight =
            weight.take().map(|values| shaped(py, values, &shape.unwrap_or_default())).transpose()?;
        let bias = bias.take().map(|values| shaped(py, values, &out[..1])).transpose()?;
        arrays.push([weight, bias]);
    }
    Ok((checkpoint, arrays))
}

/// Values as an array of this shape.
fn shaped<'py>(py: Python<'py>, values: Values, shape: &[usize]) -> PyResult<Bound<'py, PyAny>> {
    Ok(match values {
        Values::F32(values) => values.into_pyarray(py).reshape(shape)?.into_any(),
        Values::F64(values) => values.into_pyarray(py).reshape(shape)?.into_any(),
        Values::I8(values) => values.into_pyarray(py).reshape(shape)?.into_any(),
        Values::I16(values) => values.into_pyarray(py).reshape(shape)?.into_any(),
        Values::I32(values) => values.into_pyarray(py).reshape(shape)?.into_any(),
    })
}

/// A layer as Python takes it.
fn as_tuple<'py>(
    py: Python<'py>,
    layer: CheckpointLayer,
    [weight, bias]: Learned<'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    let CheckpointLayer { name, kind, operation, inputs, shape, neuron, .. } = layer;
    let given = PyDict::new(py);
    if let Some(window) = operation.window() {
        given.set_item("kernel", PyTuple::new(py, window.kernel())?)?;
        given.set_item("stride", PyTuple::new(py, window.stride())?)?;
        given.set_item("padding", PyTuple::new(py, window.padding())?)?;
    }
    if let OperationKind::Conv { window, groups } = &operation {
        given.set_item("dilation", PyTuple::new(py, window.dilation())?)?;
        given.set_item("groups", groups)?;
    }
    let inputs = inputs.into_iter().map(|source| match source {
        Source::Input => -1,
        Source::Node(index) => index as i64,
    });
    let rows = neuron.map(|neuron| {
        let rows = neuron_to_rows(&neuron, shape[0], ROWS);
        let width = rows.len() / ROWS;
        rows.into_pyarray(py).reshape([ROWS, width])
    });
    let rows = rows.transpose()?;
    let (inputs, shape) = (PyTuple::new(py, inputs.collect::<Vec<_>>())?, PyTuple::new(py, shape)?);
    (name, kind, operation.name(), given, inputs, shape, weight, bias, rows).into_pyobject(py)
}
