//! What a run of a network needs beside the network: its input, the state of its neurons, threads for blocks of samples,
//! the question whether to go on, and the traces of the blocks put together.

mod input;
mod interrupt;
mod join;
mod state;
mod threads;

pub(crate) use input::Input;
pub use input::{Encoding, RunOptions};
pub use interrupt::ask_before_going_on;
pub(crate) use interrupt::{Interruption, OPERATIONS};
pub(crate) use join::join;
pub(crate) use state::{Keep, Neurons, State};
pub(crate) use threads::{default_threads, parallel};
