//! Where lines of the log go, and in which form: to standard error, where systemd and containers look for them.

use crate::config::{Level, LogForm, Settings};
use std::io;
use tracing::level_filters::LevelFilter;

pub fn start(settings: &Settings) {
    let level = match settings.log_level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_target(false);
    match settings.log {
        LogForm::Text => lines.with_ansi(false).init(),
        LogForm::Json => lines.json().flatten_event(true).init(),
    }
}
