//! Settings: from a file, the environment and the command line, of which the later ones win.
//!
//! Each key of the file may be given as `SERVICE_KEY` in the environment. `service.toml` explains all keys.

use cli::{ArgError, Long};
use serde::Deserialize;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

const USAGE: &str = "\
usage: service [--config FILE] [--listen HOST:PORT] [--check-config]
  --config FILE         settings; service.toml explains the keys. Without: their defaults
  --listen HOST:PORT    instead of the key `listen`
  --check-config        says whether the settings are right, and ends
Each key may also stand in the environment: SERVICE_LISTEN, SERVICE_DATABASE, …";

/// The names of all keys. A test compares them with `service.toml`.
pub const KEYS: [&str; 13] = [
    "listen",
    "cores",
    "database",
    "database_password_file",
    "connections_per_core",
    "statement_timeout_ms",
    "request_timeout_ms",
    "max_body_bytes",
    "max_connections",
    "drain_delay_ms",
    "stop_timeout_ms",
    "log",
    "log_level",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub listen: String,
    /// 0: one for each CPU.
    pub cores: usize,
    pub database: String,
    pub database_password_file: Option<PathBuf>,
    pub connections_per_core: usize,
    pub statement_timeout_ms: u64,
    pub request_timeout_ms: u64,
    pub max_body_bytes: usize,
    pub max_connections: usize,
    pub drain_delay_ms: u64,
    pub stop_timeout_ms: u64,
    pub log: LogForm,
    pub log_level: Level,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum LogForm {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listen: "127.0.0.1:8080".into(),
            cores: 0,
            database: "host=/run/postgresql user=postgres".into(),
            database_password_file: None,
            connections_per_core: 4,
            statement_timeout_ms: 2_000,
            request_timeout_ms: 5_000,
            max_body_bytes: 16 * 1024,
            max_connections: 10_000,
            drain_delay_ms: 0,
            stop_timeout_ms: 15_000,
            log: LogForm::Text,
            log_level: Level::Info,
        }
    }
}

impl Settings {
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub fn drain_delay(&self) -> Duration {
        Duration::from_millis(self.drain_delay_ms)
    }

    pub fn stop_timeout(&self) -> Duration {
        Duration::from_millis(self.stop_timeout_ms)
    }

    pub fn cores(&self) -> usize {
        match self.cores {
            0 => available_parallelism().map_or(1, NonZero::get),
            cores => cores,
        }
    }

    pub fn connections_of_a_core(&self) -> usize {
        self.max_connections.div_ceil(self.cores())
    }

    /// Says what is not possible, with the key.
    fn check(&self) -> Result<(), String> {
        let at_least_one = [
            ("connections_per_core", self.connections_per_core as u64),
            ("statement_timeout_ms", self.statement_timeout_ms),
            ("request_timeout_ms", self.request_timeout_ms),
            ("max_body_bytes", self.max_body_bytes as u64),
            ("max_connections", self.max_connections as u64),
        ];
        if let Some((key, _)) = at_least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err(format!("{key} is 0, and has to be 1 at least"));
        }
        if self.cores > 1024 {
            return Err(format!("cores is {}, and can be 1024 at most; 0 is one for each CPU", self.cores));
        }
        cli::host_port(self.listen.as_ref()).map_err(|error| format!("listen: {error}"))?;
        let config = self.database.parse::<tokio_postgres::Config>();
        config.map(drop).map_err(|error| format!("database: {}", cli::with_causes(&error)))
    }
}

/// Reads the settings. With `--help` or `--check-config`, or if something is wrong, the program ends here.
pub fn read() -> Settings {
    let (file, listen, is_check) = cli::read(USAGE, |args| {
        let (mut file, mut listen, mut is_check) = (None, None, false);
        while let Some(arg) = args.next()? {
            match arg {
                Long("config") => file = Some(PathBuf::from(args.value()?)),
                Long("listen") => listen = Some(cli::host_port(&args.value()?)?),
                Long("check-config") => is_check = true,
                _ => return Err(arg.unexpected()),
            }
        }
        Ok::<_, ArgError>((file, listen, is_check))
    });
    let env = |key: &str| std::env::var(format!("SERVICE_{}", key.to_uppercase())).ok();
    let settings = gather(file.as_deref(), env, listen).unwrap_or_else(|error| {
        eprintln!("service: {error}");
        std::process::exit(2)
    });
    if is_check {
        println!("the settings are right");
        std::process::exit(0)
    }
    settings
}

/// Puts the settings together. Errors name the file, the line and the key.
fn gather(
    file: Option<&Path>,
    env: impl Fn(&str) -> Option<String>,
    listen: Option<String>,
) -> Result<Settings, String> {
    let mut table = toml::Table::new();
    if let Some(file) = file {
        let name = file.display();
        let text = fs::read_to_string(file).map_err(|error| format!("cannot read {name}: {error}"))?;
        // This knows the lines. What comes later does not stand in the file.
        let wrong = |error: toml::de::Error| format!("{name}: {}", error.to_string().trim_end());
        toml::from_str::<Settings>(&text).map_err(wrong)?;
        table = toml::from_str(&text).map_err(wrong)?;
    }
    for key in KEYS {
        let Some(text) = env(key) else { continue };
        set(&mut table, key, text).map_err(|error| format!("SERVICE_{}: {error}", key.to_uppercase()))?;
    }
    if let Some(listen) = listen {
        table.insert("listen".into(), listen.into());
    }
    let settings = Settings::deserialize(table).map_err(|error| error.message().to_owned())?;
    settings.check()?;
    Ok(settings)
}

/// Sets a key to a text: as a number if that is possible.
fn set(table: &mut toml::Table, key: &str, text: String) -> Result<(), String> {
    let number = text.parse().ok().map(toml::Value::Integer);
    let mut wrong = String::new();
    for value in number.into_iter().chain([toml::Value::String(text)]) {
        table.insert(key.into(), value);
        match Settings::deserialize(table.clone()) {
            Ok(_) => return Ok(()),
            Err(error) if wrong.is_empty() => wrong = error.message().to_owned(),
            Err(_) => {}
        }
    }
    Err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str, env: &[(&str, &str)]) -> String {
        let file = std::env::temp_dir().join(format!("service-{}-{}.toml", std::process::id(), text.len()));
        fs::write(&file, text).unwrap();
        let env = |key: &str| env.iter().find(|(name, _)| *name == key).map(|(_, value)| value.to_string());
        let error = gather(Some(&file), env, None).map(drop).unwrap_err();
        fs::remove_file(&file).unwrap();
        error.replace(file.to_str().unwrap(), "FILE")
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_key() {
        let error = wrong("cores = 2\nlisten = 8080\n", &[]);
        assert!(
            error.starts_with("FILE: ") && error.contains("line 2") && error.contains("listen"),
            "{error}"
        );
        let error = wrong("lisen = \"127.0.0.1:1\"\n", &[]);
        assert!(error.contains("unknown field `lisen`") && error.contains("expected one of"), "{error}");
        let error = wrong("log = \"xml\"\n", &[]);
        assert!(error.contains("line 1") && error.contains("expected `text` or `json`"), "{error}");
        assert_eq!(wrong("max_connections = 0", &[]), "max_connections is 0, and has to be 1 at least");
        assert!(wrong("listen = \"8080\"", &[]).starts_with("listen: "));
        assert!(wrong("database = \"hots=x\"", &[]).starts_with("database: invalid connection string"));
        let error = wrong("", &[("cores", "many")]);
        assert!(error.starts_with("SERVICE_CORES: invalid type"), "{error}");
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
        let file = std::env::temp_dir().join(format!("service-{}.toml", std::process::id()));
        fs::write(&file, "listen = \"a:1\"\ncores = 1\nmax_connections = 7\n").unwrap();
        let env = |key: &str| {
            [("listen", "b:2"), ("cores", "2")].iter().find(|it| it.0 == key).map(|it| it.1.into())
        };
        let settings = gather(Some(&file), env, Some("c:3".into())).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!((&*settings.listen, settings.cores, settings.max_connections), ("c:3", 2, 7));
    }

    #[test]
    fn the_sample_has_each_key_with_its_default() {
        let sample = include_str!("../service.toml");
        let settings: Settings = toml::from_str(sample).unwrap();
        let default = Settings::default();
        // What has no default is a comment.
        assert_eq!(format!("{settings:?}"), format!("{default:?}"));
        for key in KEYS {
            assert!(
                sample.contains(&format!("\n{key} = ")) || sample.contains(&format!("\n# {key} = ")),
                "{key}"
            );
        }
    }
}
