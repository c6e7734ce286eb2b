//! What neurons, layers and networks did.

/// What one population of neurons did.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace<E> {
    /// Spikes: 0 to `max_spikes`, of ST-BIF neurons -1, 0 or 1; shape (T, …).
    pub spikes: Vec<i8>,
    /// Membrane after the last step, shape (…).
    pub membrane: Vec<E>,
    /// Sum of the spikes over the steps, shape (…).
    pub counts: Vec<i64>,
}

/// What a layer passes on: spikes, or graded values where it has no neuron.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal<E> {
    /// 0 to `max_spikes`; of ST-BIF neurons -1, 0 or 1.
    Spikes(Vec<i8>),
    /// The currents themselves.
    Graded(Vec<E>),
}

/// The sum of a layer's signal over the steps.
#[derive(Clone, Debug, PartialEq)]
pub enum Counts<E> {
    /// Net spikes.
    Spikes(Vec<i64>),
    /// Sums of graded values, added step by step from +0.
    Graded(Vec<E>),
}

/// What one layer did.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerTrace<E> {
    /// Shape (batch, out).
    pub counts: Counts<E>,
    /// Membrane after the last step, shape (batch, out); ST-BIF: in units of the threshold; identity: 0.
    pub membrane: Vec<E>,
    /// Shape (T, batch, out), or `None` unless recorded.
    pub signal: Option<Signal<E>>,
}

/// What a network did.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult<E> {
    /// One trace for each layer, input side first.
    pub layers: Vec<LayerTrace<E>>,
    /// What the output layer received in all, shape (batch, out).
    pub drive: Vec<E>,
    /// Under [`Encoding::Pulse`](crate::Encoding::Pulse), for each sample the first step from 1 on at which no node passed
    /// anything on, or -1 where there was none: no later step changes a count or the drive.
    pub settled: Option<Vec<i64>>,
}
