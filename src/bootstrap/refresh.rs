//! The caller's side: when to ask the site, and what is reported meanwhile.

/// When to ask the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// If no complete and young configuration is known.
    IfStale,
    Always,
    Never,
}

/// The state of a launch that takes its time.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Another launch realises the configuration.
    Waiting,
    /// It still does, after some seconds.
    StillWaiting,
    /// The part that is done, from 0 to 1, and the present step.
    At(f64, String),
    /// Done or failed.
    Over,
}

/// Receives the progress.
pub type Watch = dyn Fn(Progress) + Sync;
