//! The conformance runner: `spikeport-runner CASES` answers each line of the file CASES with a line of its own.

#![forbid(unsafe_code)]

mod arguments;
mod bench;
mod checkpoint;
mod finetune;
mod kernels;
mod operation;
mod reply;

use std::io::{self, Write};
use std::process::ExitCode;

use arguments::{Arguments, Fault};
use reply::Reply;

/// A kernel that answers a case.
type Kernel = fn(&Arguments) -> Result<Reply, Fault>;

/// The kernels that this runner has.
const KERNELS: [(&str, Kernel); 14] = [
    ("if.multistep", kernels::if_multistep),
    ("if.constant", kernels::if_constant),
    ("st_bif.multistep", kernels::st_bif_multistep),
    ("layer.forward", kernels::layer_forward),
    ("operation.currents", operation::currents),
    ("network.run", kernels::network_run),
    ("encode.poisson", kernels::encode_poisson),
    ("qcfs", kernels::qcfs),
    ("finetune.schedule", finetune::schedule),
    ("finetune.unfreeze", finetune::unfreeze),
    ("finetune.step", finetune::step),
    ("checkpoint.read", checkpoint::read),
    ("checkpoint.write", checkpoint::write),
    ("checkpoint.reject", checkpoint::read),
];

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: spikeport-runner CASES");
        return ExitCode::from(2);
    };
    let answered = std::fs::read_to_string(path).and_then(|cases| {
        let mut output = io::stdout().lock();
        cases.lines().try_for_each(|line| {
            writeln!(output, "{}", answer(line))?;
            output.flush()
        })
    });
    match answered {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spikeport-runner: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer(line: &str) -> String {
    let mut words = line.split(' ');
    let (number, kernel) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let arguments = Arguments::new(words);
    let reply = match kernel {
        "hello" => Ok(hello()),
        "bench" => bench::bench(&arguments),
        _ => match KERNELS.iter().find(|(name, _)| *name == kernel) {
            Some((_, run)) => run(&arguments),
            None => return format!("{number} skip=unsupported"),
        },
    };
    match reply {
        Ok(reply) => format!("{number}{reply}"),
        Err(fault) => {
            let (code, message) = match &fault {
                Fault::Refused(error) => (error.code().as_str(), error.to_string()),
                Fault::Protocol(message) => ("protocol", message.clone()),
            };
            format!("{number} error={code} message={}", reply::escape(&message))
        }
    }
}

fn hello() -> Reply {
    let kernels = KERNELS.map(|(name, _)| name);
    Reply::default()
        .texts("language", ["rust"])
        .texts("version", [env!("RUSTC_VERSION")])
        .numbers("protocol", [1])
        .texts("kernels", kernels)
}
