//! What a run of a network needs beside the network: its input, the walk over its nodes, its neurons and their state, how
//! far whole numbers go, threads for blocks of samples, the question whether to go on, and the traces of the blocks put
//! together.

mod bounds;
mod input;
mod interrupt;
mod join;
mod neurons;
mod plan;
mod state;
mod threads;
mod walk;

pub(crate) use bounds::check_reach;
pub(crate) use input::Input;
pub use input::{Encoding, RunOptions};
pub use interrupt::ask_before_going_on;
pub(crate) use interrupt::{Interruption, OPERATIONS};
pub(crate) use join::join;
pub(crate) use neurons::Neurons;
pub(crate) use plan::{NodeOutline, Plan};
pub(crate) use state::{Keep, State};
pub(crate) use threads::{default_threads, parallel};
pub(crate) use walk::{Placed, Walk, shapes_of};
