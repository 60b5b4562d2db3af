//! The settings that are std's, passed on.
//!
//! In tokio: `process/mod.rs`.

use super::Command;
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

impl Command {
    /// Adds one argument. No shell splits it or looks for `*` in it.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let output = Command::new("printf").arg("%s.").arg("green tea").arg("*").output().await?;
    /// assert_eq!(output.stdout, b"green tea.*.");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.std.arg(arg);
        self
    }

    /// Adds several arguments.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let output = Command::new("echo").args(["green", "tea"]).output().await?;
    /// assert_eq!(output.stdout, b"green tea\n");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn args<I, S>(&mut self, args: I) -> &mut Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.std.args(args);
        self
    }

    /// Sets a variable of the child's environment.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let output = Command::new("sh").args(["-c", "echo $TEA"]).env("TEA", "green").output().await?;
    /// assert_eq!(output.stdout, b"green\n");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn env<K, V>(&mut self, key: K, value: V) -> &mut Command
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.env(key, value);
        self
    }

    /// Sets several variables of the child's environment.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let vars = [("TEA", "green"), ("CUPS", "2")];
    /// let output = Command::new("sh").args(["-c", "echo $TEA $CUPS"]).envs(vars).output().await?;
    /// assert_eq!(output.stdout, b"green 2\n");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn envs<I, K, V>(&mut self, vars: I) -> &mut Command
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.envs(vars);
        self
    }

    /// Removes a variable from the child's environment.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let output = Command::new("sh").args(["-c", "echo $HOME"]).env_remove("HOME").output().await?;
    /// assert_eq!(output.stdout, b"\n");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Command {
        self.std.env_remove(key);
        self
    }

    /// Clears the child's environment: it inherits no variables, and gets only those that are set after this.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let output = Command::new("/usr/bin/env").env_clear().env("TEA", "green").output().await?;
    /// assert_eq!(output.stdout, b"TEA=green\n");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn env_clear(&mut self) -> &mut Command {
        self.std.env_clear();
        self
    }

    /// Sets the child's working directory. Give the program by name or absolute path then: whether a relative path
    /// begins in the old or in the new directory is not specified.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let output = Command::new("pwd").current_dir("/").output().await?;
    /// assert_eq!(output.stdout, b"/\n");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn current_dir<P: AsRef<Path>>(&mut self, dir: P) -> &mut Command {
        self.std.current_dir(dir);
        self
    }

    /// Sets the child's standard input. With `Stdio::piped()` it comes from
    /// [`Child::stdin`](crate::process::Child::stdin).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// use std::process::Stdio;
    /// let output = Command::new("cat").stdin(Stdio::null()).output().await?;
    /// assert_eq!(output.stdout, b"");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn stdin<T: Into<Stdio>>(&mut self, stdin: T) -> &mut Command {
        self.std.stdin(stdin);
        self
    }

    /// Sets the child's standard output. With `Stdio::piped()` it goes to
    /// [`Child::stdout`](crate::process::Child::stdout).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// use std::process::Stdio;
    /// let mut child = Command::new("echo").arg("tea").stdout(Stdio::piped()).spawn()?;
    /// let stdout = child.stdout.take().unwrap();
    /// # drop(stdout);
    /// # child.wait().await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn stdout<T: Into<Stdio>>(&mut self, stdout: T) -> &mut Command {
        self.std.stdout(stdout);
        self
    }

    /// Sets the child's standard error. With `Stdio::piped()` it goes to [`Child::stderr`](crate::process::Child::stderr).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// use std::process::Stdio;
    /// let status = Command::new("ls").arg("/no/such").stderr(Stdio::null()).status().await?;
    /// assert!(!status.success());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn stderr<T: Into<Stdio>>(&mut self, stderr: T) -> &mut Command {
        self.std.stderr(stderr);
        self
    }

    /// Makes the child run as another user, setuid(2). If that fails, so does [`spawn`](Command::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// # if false {
    /// let status = Command::new("id").uid(65534).gid(65534).status().await?;
    /// # }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn uid(&mut self, id: u32) -> &mut Command {
        self.std.uid(id);
        self
    }

    /// Makes the child run with another group, setgid(2). If that fails, so does [`spawn`](Command::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// # if false {
    /// let status = Command::new("id").gid(65534).status().await?;
    /// # }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn gid(&mut self, id: u32) -> &mut Command {
        self.std.gid(id);
        self
    }

    /// Sets the name that the program is told, instead of the path or name by which it was found.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let output = Command::new("sh").arg0("kettle").args(["-c", "echo $0"]).output().await?;
    /// assert_eq!(output.stdout, b"kettle\n");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.std.arg0(arg);
        self
    }

    /// Puts the child into a process group, setpgid(2). 0 means a new group, whose number is that of the child: a
    /// signal can then reach its descendants too, and the terminal's Ctrl-C does not reach the child.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let mut child = Command::new("sleep").arg("1000").process_group(0).spawn()?;
    /// // kill(2) with a negative number is for a group.
    /// let kill = format!("kill -TERM -{}", child.id().unwrap());
    /// assert!(Command::new("sh").args(["-c", &kill]).status().await?.success());
    /// assert!(!child.wait().await?.success());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn process_group(&mut self, pgroup: i32) -> &mut Command {
        self.std.process_group(pgroup);
        self
    }

    /// Runs `f` in the child, after fork(2) and before the program replaces it. An error of `f` becomes that of
    /// [`spawn`](Command::spawn).
    ///
    /// # Safety
    ///
    /// The child is a copy of this process with one thread only. Whatever the other threads were doing stays half done,
    /// so `f` must not take locks or allocate memory: it may only do what a signal handler may, signal-safety(7).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let mut command = Command::new("true");
    /// // SAFETY: setsid(2) may be called in a signal handler.
    /// unsafe {
    ///     command.pre_exec(|| match libc::setsid() {
    ///         -1 => Err(std::io::Error::last_os_error()),
    ///         _ => Ok(()),
    ///     });
    /// }
    /// assert!(command.status().await?.success());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Command
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller promises what std asks for.
        unsafe { self.std.pre_exec(f) };
        self
    }
}
