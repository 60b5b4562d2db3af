//! Files on simulated hosts.

use ayi::fs::{self, File, OpenOptions};
use ayi::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use ayi::sim::Sim;
use ayi::time::{Duration, sleep};
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

ayi::sim::kernel!();

/// Runs one program on one host, and returns the hash.
fn run<F, Fut>(seed: u64, main: F) -> u64
where
    F: Fn() -> Fut + 'static,
    Fut: Future<Output = io::Result<()>> + 'static,
{
    let sim = Sim::new(seed);
    sim.client("host", main);
    sim.run().unwrap();
    sim.hash()
}

/// Runs a program for a second, has the machine lose its power, and returns the simulation.
fn run_and_crash<F, Fut>(seed: u64, main: F) -> Sim
where
    F: Fn() -> Fut + 'static,
    Fut: Future<Output = io::Result<()>> + 'static,
{
    let sim = Sim::new(seed);
    sim.host("host", main);
    sim.run_for(Duration::from_secs(1)).unwrap();
    sim.crash("host");
    sim.run_for(Duration::from_millis(1)).unwrap();
    sim
}

#[test]
fn what_is_written_is_read_back_with_ayi() {
    run(1, || async {
        fs::write("/tmp/a", "one").await?;
        let mut file = OpenOptions::new().append(true).open("/tmp/a").await?;
        file.write_all(b" two").await?;
        file.flush().await?;
        assert_eq!(fs::read_to_string("/tmp/a").await?, "one two");
        let mut file = OpenOptions::new().read(true).write(true).open("/tmp/a").await?;
        file.seek(SeekFrom::End(-3)).await?;
        let mut text = String::new();
        file.read_to_string(&mut text).await?;
        assert_eq!(text, "two");
        file.set_len(3).await?;
        file.sync_all().await?;
        assert_eq!(fs::metadata("/tmp/a").await?.len(), 3);
        assert_eq!(fs::read_to_string("/tmp/missing").await.unwrap_err().kind(), ErrorKind::NotFound);
        fs::copy("/tmp/a", "/tmp/b").await?;
        assert_eq!(fs::read("/tmp/b").await?, b"one");
        fs::remove_file("/tmp/a").await?;
        assert!(!fs::try_exists("/tmp/a").await?);
        Ok(())
    });
}

#[test]
fn what_is_written_is_read_back_with_std() {
    run(1, || async {
        let mut file = std::fs::File::options().read(true).write(true).create_new(true).open("/tmp/a")?;
        file.write_all(b"0123456789")?;
        assert_eq!(file.write_vectored(&[io::IoSlice::new(b"ab"), io::IoSlice::new(b"cd")])?, 4);
        file.write_all_at(b"xx", 2)?;
        assert_eq!(file.stream_position()?, 14);
        file.rewind()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        assert_eq!(text, "01xx456789abcd");
        let mut two = [0; 2];
        file.read_exact_at(&mut two, 12)?;
        assert_eq!(&two, b"cd");
        let again = std::fs::File::options().write(true).create_new(true).open("/tmp/a");
        assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
        // What is open for one thing only refuses the other.
        let only_read = std::fs::File::open("/tmp/a")?;
        assert_eq!((&only_read).write(b"x").unwrap_err().raw_os_error(), Some(9));
        assert_eq!(only_read.set_len(1).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(std::fs::copy("/tmp/a", "/tmp/b")?, 14);
        assert_eq!(std::fs::read_to_string("/tmp/b")?, "01xx456789abcd");
        let mut from = std::fs::File::open("/tmp/a")?;
        let mut to = std::fs::File::create("/tmp/c")?;
        assert_eq!(io::copy(&mut from, &mut to)?, 14);
        assert_eq!(std::fs::read("/tmp/c")?.len(), 14);
        let clone = file.try_clone()?;
        drop(file);
        assert_eq!(clone.metadata()?.len(), 14);
        Ok(())
    });
}

#[test]
fn directories_are_made_listed_and_removed() {
    run(1, || async {
        fs::create_dir_all("/home/a/b/c").await?;
        fs::write("/home/a/one", "1").await?;
        std::fs::write("/home/a/b/two", "2")?;
        std::os::unix::fs::symlink("b/two", "/home/a/link")?;
        let mut entries = fs::read_dir("/home/a").await?;
        let mut names = Vec::new();
        while let Some(entry) = entries.next_entry().await? {
            names.push((entry.file_name().into_string().unwrap(), entry.file_type().await?.is_dir()));
        }
        names.sort();
        assert_eq!(names, [("b".into(), true), ("link".into(), false), ("one".into(), false)]);
        assert_eq!(std::fs::read_dir("/home/a")?.count(), 3);
        for entry in std::fs::read_dir("/home/a/b")? {
            let entry = entry?;
            assert_eq!(entry.metadata()?.is_dir(), entry.file_name() == "c");
        }
        assert_eq!(std::fs::read("/home/a/link")?, b"2");
        assert_eq!(std::fs::read_link("/home/a/link")?, Path::new("b/two"));
        assert_eq!(std::fs::canonicalize("/home/./a/../a/link")?, Path::new("/home/a/b/two"));
        assert_eq!(fs::remove_dir("/home/a").await.unwrap_err().kind(), ErrorKind::DirectoryNotEmpty);
        fs::remove_dir_all("/home/a").await?;
        assert!(!std::fs::exists("/home/a")?);
        Ok(())
    });
}

#[test]
fn a_rename_replaces_and_a_link_shares() {
    run(1, || async {
        fs::write("/tmp/new", "new").await?;
        fs::write("/tmp/old", "old").await?;
        let open = std::fs::File::open("/tmp/old")?;
        fs::rename("/tmp/new", "/tmp/old").await?;
        assert_eq!(fs::read("/tmp/old").await?, b"new");
        let mut text = String::new();
        (&open).read_to_string(&mut text)?;
        assert_eq!((text.as_str(), open.metadata()?.nlink()), ("old", 0));
        std::fs::hard_link("/tmp/old", "/tmp/second")?;
        let (first, second) = (std::fs::metadata("/tmp/old")?, std::fs::metadata("/tmp/second")?);
        assert_eq!((first.ino(), first.nlink()), (second.ino(), 2));
        Ok(())
    });
}

#[test]
fn the_working_directory_is_the_hosts_own() {
    run(1, || async {
        assert_eq!(std::env::current_dir()?, Path::new("/"));
        std::fs::create_dir("home/me")?;
        std::env::set_current_dir("home/me")?;
        std::fs::write("note", "tea")?;
        assert_eq!(std::fs::read("/home/me/note")?, b"tea");
        assert_eq!(std::env::current_dir()?, Path::new("/home/me"));
        Ok(())
    });
    assert_ne!(std::env::current_dir().unwrap(), Path::new("/"));
}

#[test]
fn times_are_those_of_the_simulated_clock() {
    run(1, || async {
        let before = SystemTime::now();
        fs::write("/tmp/a", "a").await?;
        sleep(Duration::from_secs(100)).await;
        let metadata = fs::metadata("/tmp/a").await?;
        let age = SystemTime::now().duration_since(metadata.modified()?).unwrap();
        assert!(age >= Duration::from_secs(100) && age < Duration::from_secs(101), "{age:?}");
        assert!(metadata.created()? >= before);
        let moon = SystemTime::UNIX_EPOCH - Duration::from_secs(14_000_000);
        std::fs::File::open("/tmp/a")?.set_modified(moon)?;
        assert_eq!(fs::metadata("/tmp/a").await?.modified()?, moon);
        std::fs::set_permissions("/tmp/a", std::fs::Permissions::from_mode(0o600))?;
        assert_eq!(std::fs::metadata("/tmp/a")?.permissions().mode(), 0o100_600);
        Ok(())
    });
}

#[test]
fn devices_work() {
    run(1, || async {
        std::fs::write("/dev/null", "gone")?;
        assert!(std::fs::read("/dev/null")?.is_empty());
        let mut bytes = [0; 32];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        assert_ne!(bytes, [0; 32]);
        std::fs::File::open("/dev/zero")?.read_exact(&mut bytes)?;
        assert_eq!(bytes, [0; 32]);
        assert_eq!(std::fs::write("/dev/full", "x").unwrap_err().kind(), ErrorKind::StorageFull);
        Ok(())
    });
}

#[test]
fn nothing_of_the_real_files_is_visible() {
    let real = std::env::temp_dir().join(format!("ayi-sim-{}", std::process::id()));
    std::fs::write(&real, "real").unwrap();
    let path = real.clone();
    run(1, move || {
        let path = path.clone();
        async move {
            assert_eq!(std::fs::read(path).unwrap_err().kind(), ErrorKind::NotFound);
            assert_eq!(std::fs::read("/etc/passwd").unwrap_err().kind(), ErrorKind::NotFound);
            std::fs::write("/tmp/only-simulated", "x")
        }
    });
    assert!(!Path::new("/tmp/only-simulated").exists());
    std::fs::remove_file(real).unwrap();
}

#[test]
fn locks_exclude_other_descriptions() {
    run(1, || async {
        let (a, b) = (std::fs::File::create("/tmp/lock")?, std::fs::File::open("/tmp/lock")?);
        a.lock()?;
        assert!(b.try_lock().is_err());
        a.unlock()?;
        b.lock_shared()?;
        a.try_lock_shared().unwrap();
        drop(b);
        a.lock()?;
        Ok(())
    });
}

#[test]
fn a_lock_that_nobody_can_give_back_is_a_failure() {
    let sim = Sim::new(1);
    sim.client("host", || async {
        let (a, b) = (std::fs::File::create("/tmp/lock")?, std::fs::File::open("/tmp/lock")?);
        a.lock()?;
        b.lock()
    });
    let failure = sim.run().unwrap_err().to_string();
    assert!(failure.contains("waits for a lock"), "{failure}");
}

#[test]
fn hosts_have_disks_of_their_own() {
    let sim = Sim::new(1);
    for name in ["a", "b"] {
        sim.client(name, move || async move {
            assert!(!fs::try_exists("/home/name").await?);
            fs::write("/home/name", name).await
        });
    }
    sim.run().unwrap();
    assert_eq!(sim.read_file("a", "/home/name").unwrap(), b"a");
    assert_eq!(sim.read_file("b", "/home/name").unwrap(), b"b");
}

#[test]
fn what_was_not_synced_may_be_lost_and_what_was_is_kept() {
    let (mut lost, mut kept) = (0, 0);
    for seed in 0..50 {
        let sim = run_and_crash(seed, || async {
            fs::write("/home/volatile", "volatile").await?;
            let mut file = File::create("/home/durable").await?;
            file.write_all(b"durable").await?;
            file.sync_all().await?;
            File::open("/home").await?.sync_all().await
        });
        assert_eq!(sim.read_file("host", "/home/durable").unwrap(), b"durable");
        match sim.read_file("host", "/home/volatile").unwrap_or_default().as_slice() {
            b"volatile" => kept += 1,
            _ => lost += 1,
        }
    }
    assert!(lost > 5 && kept > 5, "{lost} were lost and {kept} kept");
}

#[test]
fn a_name_is_lost_if_its_directory_was_not_synced() {
    let lost = (0..50).filter(|seed| {
        let sim = run_and_crash(*seed, || async {
            let mut file = File::create("/home/file").await?;
            file.write_all(b"synced").await?;
            file.sync_all().await
        });
        sim.read_file("host", "/home/file").is_err()
    });
    assert!(lost.count() > 5);
}

#[test]
fn a_kill_loses_nothing() {
    for seed in 0..20 {
        let sim = Sim::new(seed);
        sim.host("host", || async { fs::write("/home/file", "kept").await });
        sim.run_for(Duration::from_secs(1)).unwrap();
        sim.kill("host");
        sim.run_for(Duration::from_millis(1)).unwrap();
        assert_eq!(sim.read_file("host", "/home/file").unwrap(), b"kept");
    }
}

#[test]
fn after_half_a_minute_the_kernel_has_written_back() {
    for seed in 0..20 {
        let sim = Sim::new(seed);
        sim.host("host", || async { fs::write("/home/file", "old").await });
        sim.run_for(Duration::from_secs(31)).unwrap();
        sim.crash("host");
        sim.run_for(Duration::from_millis(1)).unwrap();
        assert_eq!(sim.read_file("host", "/home/file").unwrap(), b"old");
    }
}

#[test]
fn an_append_can_be_torn() {
    let (mut torn, mut whole, mut none) = (0, 0, 0);
    for seed in 0..200 {
        let sim = run_and_crash(seed, || async {
            let mut file = File::create("/home/log").await?;
            file.write_all(&[1; 100]).await?;
            file.sync_all().await?;
            File::open("/home").await?.sync_all().await?;
            file.write_all(&[2; 5_000]).await?;
            file.flush().await
        });
        let bytes = sim.read_file("host", "/home/log").unwrap();
        assert_eq!(bytes[..100], [1; 100]);
        match bytes[100..].iter().filter(|byte| **byte == 2).count() {
            0 => none += 1,
            5_000 => whole += 1,
            _ => torn += 1,
        }
    }
    assert!(torn > 20 && whole > 20 && none > 20, "{torn} {whole} {none}");
}

#[test]
fn a_full_disk_refuses_and_has_room_again() {
    let sim = Sim::new(1);
    sim.client("host", || async {
        let error = fs::write("/tmp/big", vec![1; 1 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        fs::remove_file("/tmp/big").await?;
        fs::write("/tmp/small", vec![1; 1 << 18]).await
    });
    sim.set_disk_size("host", 1 << 19);
    sim.run().unwrap();
}

#[test]
fn a_failed_sync_is_reported_once_to_each_and_its_data_is_lost() {
    let lost = (0..50).filter(|seed| {
        let sim = Sim::new(*seed);
        sim.host("host", || async {
            // It is on the disk already, with another content.
            let mut file = OpenOptions::new().write(true).open("/home/file").await?;
            let other = std::fs::File::open("/home/file")?;
            file.write_all(b"data").await?;
            assert!(file.sync_all().await.is_err());
            file.sync_all().await?;
            assert!(other.sync_all().is_err());
            other.sync_all()
        });
        sim.write_file("host", "/home/file", "none");
        sim.fail_next_sync("host");
        sim.run_for(Duration::from_secs(1)).unwrap();
        assert_eq!(sim.read_file("host", "/home/file").unwrap(), b"data");
        sim.crash("host");
        sim.run_for(Duration::from_millis(1)).unwrap();
        sim.read_file("host", "/home/file").unwrap() != b"data"
    });
    assert!(lost.count() > 5);
}

#[test]
fn temporary_files_have_no_names() {
    run(1, || async {
        use std::os::unix::fs::OpenOptionsExt;
        const O_TMPFILE: i32 = 0o20_200_000;
        let mut file =
            std::fs::File::options().read(true).write(true).custom_flags(O_TMPFILE).open("/tmp")?;
        file.write_all(b"hidden")?;
        assert_eq!(std::fs::read_dir("/tmp")?.count(), 0);
        assert_eq!(std::env::temp_dir().join("x"), PathBuf::from("/tmp/x"));
        Ok(())
    });
}

#[test]
fn a_configuration_survives_crashes() {
    for seed in 0..20 {
        let sim = Sim::new(seed);
        sim.host("host", || async {
            assert_eq!(fs::read("/etc/deep/down/key").await?, b"secret");
            sleep(Duration::from_secs(1_000)).await;
            Ok::<(), io::Error>(())
        });
        sim.write_file("host", "/etc/deep/down/key", "secret");
        for _ in 0..3 {
            sim.run_for(Duration::from_secs(1)).unwrap();
            sim.crash("host");
            sim.restart("host");
        }
        sim.run_for(Duration::from_secs(1)).unwrap();
    }
}

#[test]
fn one_seed_is_one_run() {
    let program = || async {
        for n in 0..20 {
            let path = format!("/tmp/{n}");
            let mut file = File::create(&path).await?;
            file.write_all(&vec![1; n * 1_000]).await?;
            file.sync_all().await?;
        }
        assert_eq!(std::fs::read_dir("/tmp")?.count(), 20);
        // A panic's backtrace reads the program's own file, which is no part of the run.
        let caught = std::panic::catch_unwind(|| std::backtrace::Backtrace::force_capture().to_string());
        assert!(caught.unwrap().contains("one_seed_is_one_run"));
        Ok(())
    };
    let first = run(7, program);
    assert_eq!(first, run(7, program));
    assert_ne!(first, run(8, program));
}

/// A record of the log: its number, and a sum that a torn one does not have.
fn record(number: u64) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(8 + number as usize * 37 % 1_500, number as u8);
    let sum = bytes.iter().fold(17_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let mut whole = (bytes.len() as u32).to_le_bytes().to_vec();
    whole.extend(sum.to_le_bytes());
    whole.extend(bytes);
    whole
}

/// Finds how many records are whole, and where they end.
fn recover(log: &[u8]) -> (u64, usize) {
    let (mut count, mut end) = (0, 0);
    loop {
        let next = record(count);
        if !log[end..].starts_with(&next) {
            return (count, end);
        }
        (count, end) = (count + 1, end + next.len());
    }
}

/// Appends records for ever. `acknowledged` is how many are promised to be durable.
async fn log_writer(acknowledged: Rc<Cell<u64>>) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).open("/var/lib/log").await?;
    File::open("/var/lib").await?.sync_all().await?;
    let mut log = Vec::new();
    file.read_to_end(&mut log).await?;
    let (mut count, end) = recover(&log);
    assert!(count >= acknowledged.get(), "{count} of {} are left", acknowledged.get());
    file.set_len(end as u64).await?;
    file.seek(SeekFrom::Start(end as u64)).await?;
    loop {
        for _ in 0..3 {
            file.write_all(&record(count)).await?;
            count += 1;
        }
        file.sync_data().await?;
        acknowledged.set(count);
        sleep(Duration::from_millis(2)).await;
    }
}

#[ayi::sim_test(seeds = 200)]
fn a_write_ahead_log_survives_crashes(sim: &Sim) -> Result<(), ayi::sim::Failure> {
    let acknowledged = Rc::new(Cell::new(0));
    let all = acknowledged.clone();
    sim.host("database", move || log_writer(acknowledged.clone()));
    for at in 1..=4 {
        let after = Duration::from_micros(sim.seed() % 997 * 31 + at * 40_000);
        sim.run_for(after)?;
        sim.crash("database");
        sim.run_for(Duration::from_millis(1))?;
        sim.restart("database");
    }
    sim.run_for(Duration::from_millis(50))?;
    assert!(all.get() > 20, "{}", all.get());
    Ok(())
}

/// What a program that forgets to sync loses is found.
#[test]
fn a_log_that_is_not_synced_is_caught() {
    let failed = RefCell::new(0);
    for seed in 0..20 {
        let promised = Rc::new(Cell::new(0));
        let told = promised.clone();
        let sim = run_and_crash(seed, move || {
            let told = told.clone();
            async move {
                let mut file = File::create("/var/lib/log").await?;
                for number in 0..10 {
                    file.write_all(&record(number)).await?;
                    file.flush().await?;
                    told.set(number + 1);
                }
                Ok(())
            }
        });
        let log = sim.read_file("host", "/var/lib/log").unwrap_or_default();
        *failed.borrow_mut() += u32::from(recover(&log).0 < promised.get());
    }
    assert!(failed.into_inner() > 5);
}

/// Writes a file of eight sectors over a durable one, syncs it while the power fails, and returns what each sector is
/// after that: old or new.
fn cut_sync(seed: u64, with_std: bool) -> (Vec<u8>, Sim) {
    let sim = Sim::new(seed);
    let has_come_back = Rc::new(Cell::new(false));
    let (came_back, sectors) = (has_come_back.clone(), Rc::new(RefCell::new(Vec::new())));
    let seen = sectors.clone();
    sim.host("host", move || {
        let (came_back, seen) = (came_back.clone(), seen.clone());
        async move {
            if fs::try_exists("/home/done").await? {
                *seen.borrow_mut() = fs::read("/home/file").await?.chunks(512).map(|it| it[0]).collect();
                return Ok(());
            }
            for (name, byte) in [("/home/file", b'o'), ("/home/done", b'd')] {
                fs::write(name, vec![byte; 4096]).await?;
                File::open(name).await?.sync_all().await?;
            }
            File::open("/home").await?.sync_all().await?;
            sleep(Duration::from_millis(500)).await;
            match with_std {
                true => {
                    let file = OpenOptions::new().write(true).open("/home/file").await?.into_std().await;
                    file.write_all_at(&[b'n'; 4096], 0)?;
                    // It is the poll of a task that is cut, and not a call of the pool.
                    let _ = file.sync_data();
                }
                false => {
                    let mut file = OpenOptions::new().write(true).open("/home/file").await?;
                    file.write_all(&[b'n'; 4096]).await?;
                    file.sync_data().await?;
                }
            }
            came_back.set(true);
            std::future::pending::<io::Result<()>>().await
        }
    });
    sim.run_for(Duration::from_millis(400)).unwrap();
    sim.crash_at_next_sync("host");
    sim.run_for(Duration::from_secs(1)).unwrap();
    // With std, the rest of the poll runs, and has no effect.
    assert!(with_std || !has_come_back.get());
    sim.restart("host");
    sim.run_for(Duration::from_secs(1)).unwrap();
    let sectors = sectors.take();
    assert_eq!(sectors.len(), 8);
    (sectors, sim)
}

#[test]
fn a_sync_that_the_power_fails_in_leaves_any_part_of_what_it_should_have_written() {
    for with_std in [false, true] {
        let all: Vec<Vec<u8>> = (0..60).map(|seed| cut_sync(seed, with_std).0).collect();
        for sector in all.iter().flatten() {
            assert!([b'o', b'n'].contains(sector), "{sector}");
        }
        assert!(all.iter().any(|file| file.iter().all(|sector| *sector == b'n')), "all of it");
        assert!(all.iter().any(|file| file.iter().all(|sector| *sector == b'o')), "nothing of it");
        assert!(all.iter().any(|file| file.contains(&b'n') && file.contains(&b'o')), "a part of it");
        assert_eq!(cut_sync(7, with_std).1.hash(), cut_sync(7, with_std).1.hash());
    }
}

#[test]
fn a_crash_at_a_sync_that_does_not_come_is_forgotten_when_the_host_starts_again() {
    let sim = Sim::new(1);
    let syncs = Rc::new(Cell::new(0));
    let counted = syncs.clone();
    sim.host("host", move || {
        let syncs = counted.clone();
        async move {
            sleep(Duration::from_secs(1)).await;
            File::create("/tmp/a").await?.sync_all().await?;
            syncs.set(syncs.get() + 1);
            Ok::<(), io::Error>(())
        }
    });
    sim.run_for(Duration::from_millis(100)).unwrap();
    sim.crash_at_next_sync("host");
    sim.kill("host");
    sim.restart("host");
    sim.run_for(Duration::from_secs(2)).unwrap();
    assert_eq!(syncs.get(), 1);
}
