//! Spiking network kernels, bit-equal to spikeport's NumPy reference.
//!
//! - [`if_multistep`], [`if_constant`], [`st_bif_multistep`]: neurons over many steps
//! - [`weighted_sum`], [`layer_forward`]: one layer
//! - [`Network`] of [`Node`]s, each an [`Operation`] ([`Linear`], [`Conv`], [`Pool`], [`MaxPool`], [`Add`], [`Concat`]) on
//!   what it reads, and its [`Neuron`]s: a whole network; [`operation_currents`]: one operation
//! - [`encode_poisson`], [`sample_keys`]: spikes from a counter-based generator
//! - [`qcfs`]: the activation that a spiking network settles on
//! - [`checkpoint`]: a network in two files, the same bytes from every language, suspicious of what it reads
//! - [`finetune`]: what is frozen, how fast the rest learns, one step of it
//!
//! Every kernel has its equation above it, computes in that order with no fused multiply-add, works in `f32` or `f64`
//! ([`Element`]), and refuses what is outside its contract with an [`Error`] whose [`Code`] is the same in every language.
//! Neurons, operations and networks work in `i32` as well: nothing is rounded there, and nothing overflows, because a call
//! that could is refused before it starts.
//!
//! ```
//! use spikeport::{IfParameters, PerNeuron, View, if_constant, qcfs};
//!
//! // A neuron under a constant current fires at the rate that QCFS gives.
//! let current = View::new(&[0.25, 0.75], &[2])?;
//! let trace = if_constant(current, 8, &IfParameters::default())?;
//! assert_eq!(trace.counts, [2, 6]);
//! assert_eq!(qcfs(current, 8, &PerNeuron::All(1.0))?, [0.25, 0.75]);
//! # Ok::<(), spikeport::Error>(())
//! ```

// One file asks for an exception: a function for another instruction set is called there.
#![deny(unsafe_code)]

pub mod checkpoint;
mod checks;
mod element;
mod encode;
mod error;
pub mod finetune;
mod instructions;
mod integrate_fire;
mod layer;
mod multistep;
mod network;
mod neuron;
mod operations;
mod qcfs;
mod running;
mod st_bif;
mod trace;
mod view;

pub use element::{Element, Float};
pub use encode::{encode_poisson, encode_poisson_into, mix, sample_keys};
pub use error::{Code, Error};
pub use integrate_fire::{IfParameters, if_constant, if_constant_into, if_multistep, if_multistep_into};
pub use layer::{layer_forward, weighted_sum};
pub use multistep::{SpikeBuffer, TraceBuffer, pack_spikes, unpack_spikes};
pub use network::{AnyNetwork, Network, Node, Source};
pub use neuron::{Neuron, NeuronKind, PerNeuron};
pub use operations::{
    Add, Attributes, Concat, Conv, Linear, MaxPool, Operation, OperationKind, Pool, Window,
    operation_currents,
};
pub use qcfs::qcfs;
pub use running::{Encoding, RunOptions, ask_before_going_on};
pub use st_bif::{StBifParameters, st_bif_multistep, st_bif_multistep_into};
pub use trace::{Counts, LayerTrace, RunResult, Signal, Trace};
pub use view::View;
