//! A fingerprint of arrays, by which a network that was laid out before knows whether its weights are still the same.

use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use spikeport::{Code, Error};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::results::Raise;

/// The 64-bit XXH3 of the dtype, shape and values of every array, each seeded by that of the arrays before it.
pub fn fingerprint(arrays: &[Bound<'_, PyUntypedArray>]) -> PyResult<u64> {
    arrays.iter().try_fold(arrays.len() as u64, |seed, array| match array.is_c_contiguous() {
        true => one(array, seed),
        // ndarray.copy lays its copy out in C order.
        false => one(array.call_method0("copy")?.cast::<PyUntypedArray>()?, seed),
    })
}

/// The hash of one array in C order.
fn one(array: &Bound<'_, PyUntypedArray>, seed: u64) -> PyResult<u64> {
    let dtype = array.dtype();
    if dtype.has_object() {
        let message = "an array of Python objects has no fingerprint: give numbers";
        return Err(Error::new(Code::Dtype, message)).raise(array.py());
    }
    let mut hash = seed;
    let kind = [dtype.num() as usize, dtype.itemsize(), usize::from(dtype.byteorder()), array.ndim()];
    for number in kind.iter().chain(array.shape()) {
        hash = xxh3_64_with_seed(&number.to_le_bytes(), hash);
    }
    let length = array.len() * dtype.itemsize();
    if length == 0 {
        return Ok(hash);
    }
    // SAFETY: an array in C order owns `length` bytes from its data pointer on; it lives as long as the reference to it,
    // and the GIL, which is held, keeps Python from writing into it meanwhile.
    let bytes =
        unsafe { std::slice::from_raw_parts((*array.as_array_ptr()).fields.data.cast::<u8>(), length) };
    Ok(xxh3_64_with_seed(bytes, hash))
}
