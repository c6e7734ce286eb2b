//! The one error of this crate.

use std::fmt;

/// Declare the codes: each variant with its word, and [`Code::ALL`].
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)+) => {
        /// Why a call was refused: the closed list of the conformance specification, the same in every language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for the code that leaves the crate: in a runner's answer, on an exception.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

codes! {
    /// Lengths or shapes that do not fit each other.
    Shape = "shape",
    /// NaN or infinity among the inputs, or a current that overflows.
    NonFinite = "non_finite",
    /// A number with a fraction where integers are asked for.
    NotWhole = "not_whole",
    /// Integers that pass 32 bits, a weight that passes its own, or a run that could.
    Overflow = "overflow",
    /// A threshold that is not above 0.
    Threshold = "threshold",
    /// A leak outside [0, 1], or other than 1 for a neuron that has no leak.
    Beta = "beta",
    /// A reset value that is not below the threshold.
    VReset = "v_reset",
    /// Tracer bounds that do not hold 0.
    Tracer = "tracer",
    /// A number of spikes in one step outside 1 to 127, or above 1 for neurons that can send but one.
    MaxSpikes = "max_spikes",
    /// A kind of neuron that does not exist, or not for integers.
    NeuronKind = "neuron_kind",
    /// A number of steps that a kernel cannot run for.
    Timesteps = "timesteps",
    /// An encoding that does not exist, or not for integers.
    Encoding = "encoding",
    /// A Poisson rate outside [0, 1].
    RateRange = "rate_range",
    /// An operation that does not exist, or not for integers.
    Operation = "operation",
    /// A name that no layer has.
    UnknownLayer = "unknown_layer",
    /// A layer's index that is out of range.
    IndexRange = "index_range",
    /// A learning rate that is negative or not finite.
    LearningRate = "learning_rate",
    /// A momentum outside [0, 1).
    Momentum = "momentum",
    /// A file of a checkpoint that is not there.
    MissingFile = "missing_file",
    /// A path that is a symbolic link.
    Symlink = "symlink",
    /// More bytes than are allowed, or than memory holds.
    TooLarge = "too_large",
    /// A sidecar that is not strict JSON.
    SidecarSyntax = "sidecar_syntax",
    /// A format or version that this crate does not read.
    Version = "version",
    /// A sidecar with keys or values that it cannot have.
    SidecarSchema = "sidecar_schema",
    /// Layers of which one has not as many inputs as the one before it has outputs.
    LayerChain = "layer_chain",
    /// An archive that is not the one its sidecar was written for.
    ArchiveDigest = "archive_digest",
    /// An archive that is not the one encoding of its content.
    ArchiveSyntax = "archive_syntax",
    /// A member of an archive that is there twice.
    DuplicateEntry = "duplicate_entry",
    /// A member of an archive that the sidecar does not know.
    UnexpectedEntry = "unexpected_entry",
    /// A member of an archive that is not there.
    MissingEntry = "missing_entry",
    /// A member of an archive that is compressed.
    CompressedEntry = "compressed_entry",
    /// A member of an archive that holds Python objects.
    Pickle = "pickle",
    /// An element type that is not allowed, or types that differ where they must agree.
    Dtype = "dtype",
    /// Parameters of a stored neuron that no neuron of its kind can have.
    Neuron = "neuron",
    /// A file that cannot be written.
    Io = "io",
    /// Stopped by whoever called: see [`ask_before_going_on`](crate::ask_before_going_on).
    Interrupted = "interrupted",
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What was given, what was expected and what to do, with a [`Code`] that stays the same across releases and languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Code,
    message: String,
}

impl Error {
    /// Build an error from its code and its message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Why the call was refused.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The same error, its message saying of what it speaks.
    pub(crate) fn of(self, name: &str) -> Self {
        Self { message: format!("{name}: {}", self.message), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(Code::Io, error.to_string())
    }
}
