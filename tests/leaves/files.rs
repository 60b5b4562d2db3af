//! Files and directories. What the kernel or the pool does takes a turn. What is here already, and errors that need
//! neither, are charged.

use crate::Leaves;
use ayi::fs;
use ayi::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use std::io::{IoSlice, SeekFrom};
use std::path::PathBuf;

/// Each also gets a path that is refused without an operation.
macro_rules! each_path {
    ($leaves:ident, $path:ident; $($name:literal => |$p:ident| $op:expr;)*) => {
        $(for path in [$path.clone(), PathBuf::from("\0")] {
            let $p = path;
            $leaves.gives_way(&[$name], async move || { let _ = $op.await; }).await;
        })*
    };
}

pub async fn all(leaves: &mut Leaves) {
    let dir = std::env::temp_dir().join(format!("ayi-leaf-files-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("file");
    std::fs::write(&path, "tea").unwrap();
    for n in 0..300 {
        std::fs::write(dir.join(n.to_string()), "").unwrap();
    }
    paths(leaves, path.clone()).await;
    file(leaves, path.clone()).await;
    let mut entries = fs::read_dir(&dir).await.unwrap();
    let names = &["ayi_fs::ReadDir::next_entry", "ayi_fs::ReadDir::poll_next_entry"];
    leaves.gives_way(names, async move || _ = entries.next_entry().await.unwrap()).await;
    let entry = || {
        let dir = dir.clone();
        async move || fs::read_dir(dir).await.unwrap().next_entry().await.unwrap().unwrap()
    };
    let one = entry()().await;
    leaves
        .gives_way(&["ayi_fs::DirEntry::file_type"], async move || _ = one.file_type().await.unwrap())
        .await;
    let one = entry()().await;
    leaves.gives_way(&["ayi_fs::DirEntry::metadata"], async move || _ = one.metadata().await.unwrap()).await;
    std::fs::remove_dir_all(&dir).unwrap();
}

async fn paths(leaves: &mut Leaves, path: PathBuf) {
    let permissions = || std::fs::metadata("/").unwrap().permissions();
    each_path! { leaves, path;
        "ayi_fs::DirBuilder::create" => |p| fs::DirBuilder::new().create(&p);
        "ayi_fs::OpenOptions::open" => |p| fs::OpenOptions::new().read(true).open(&p);
        "ayi_fs::File::open" => |p| fs::File::open(&p);
        "ayi_fs::File::create" => |p| fs::File::create(&p);
        "ayi_fs::File::create_new" => |p| fs::File::create_new(&p);
        "ayi_fs::canonicalize" => |p| fs::canonicalize(&p);
        "ayi_fs::copy" => |p| fs::copy(&p, &p);
        "ayi_fs::create_dir" => |p| fs::create_dir(&p);
        "ayi_fs::create_dir_all" => |p| fs::create_dir_all(&p);
        "ayi_fs::hard_link" => |p| fs::hard_link(&p, &p);
        "ayi_fs::metadata" => |p| fs::metadata(&p);
        "ayi_fs::read" => |p| fs::read(&p);
        "ayi_fs::read_dir" => |p| fs::read_dir(&p);
        "ayi_fs::read_link" => |p| fs::read_link(&p);
        "ayi_fs::read_to_string" => |p| fs::read_to_string(&p);
        "ayi_fs::remove_dir" => |p| fs::remove_dir(&p);
        "ayi_fs::remove_dir_all" => |p| fs::remove_dir_all(p.join("none"));
        "ayi_fs::remove_file" => |p| fs::remove_file(p.join("none"));
        "ayi_fs::rename" => |p| fs::rename(&p, &p);
        "ayi_fs::set_permissions" => |p| fs::set_permissions(&p, permissions());
        "ayi_fs::symlink" => |p| fs::symlink(&p, &p);
        "ayi_fs::symlink_metadata" => |p| fs::symlink_metadata(&p);
        "ayi_fs::try_exists" => |p| fs::try_exists(&p);
        "ayi_fs::write" => |p| fs::write(&p, "tea");
    }
}

async fn file(leaves: &mut Leaves, path: PathBuf) {
    macro_rules! each_file {
        ($($($name:literal),+ => |$file:ident| $op:expr;)*) => {
            $({
                let options = std::fs::OpenOptions::new().read(true).write(true).open(&path);
                #[allow(unused_mut)]
                let mut $file = fs::File::from_std(options.unwrap());
                leaves.gives_way(&[$($name),+], async move || { let _ = $op; }).await;
            })*
        };
    }
    std::fs::write(&path, [0; 1 << 20]).unwrap();
    each_file! {
        "ayi_fs::File::metadata" => |f| f.metadata().await.unwrap();
        "ayi_fs::File::poll_read" => |f| f.read(&mut [0]).await.unwrap();
        "ayi_fs::File::poll_write" => |f| f.write(&[0]).await.unwrap();
        "ayi_fs::File::poll_write_vectored" => |f| f.write_vectored(&[IoSlice::new(&[0])]).await.unwrap();
        "ayi_fs::File::poll_seek" => |f| f.seek(SeekFrom::Start(0)).await.unwrap();
        "ayi_fs::File::read_at" => |f| f.read_at(vec![0; 1], 0).await;
        "ayi_fs::File::read_at" => |f| f.read_at(Vec::new(), 0).await;
        "ayi_fs::File::read_vectored_at" => |f| f.read_vectored_at(vec![vec![0; 1]], 0).await;
        "ayi_fs::File::read_vectored_at" => |f| f.read_vectored_at(Vec::<Vec<u8>>::new(), 0).await;
        "ayi_fs::File::set_len" => |f| f.set_len(1 << 20).await.unwrap();
        "ayi_fs::File::set_times" => |f| f.set_times(fs::FileTimes::new()).await.unwrap();
        "ayi_fs::File::set_modified" => |f| f.set_modified(std::time::SystemTime::now()).await.unwrap();
        "ayi_fs::File::set_permissions" => |f| f.set_permissions(f.metadata().await.unwrap().permissions()).await;
        "ayi_fs::File::sync_all" => |f| f.sync_all().await.unwrap();
        "ayi_fs::File::sync_data" => |f| f.sync_data().await.unwrap();
        "ayi_fs::File::try_clone" => |f| f.try_clone().await.unwrap();
        "ayi_fs::File::write_all_at" => |f| f.write_all_at(vec![0], 0).await;
        "ayi_fs::File::write_all_at" => |f| f.write_all_at(Vec::new(), 0).await;
        "ayi_fs::File::write_at" => |f| f.write_at(vec![0], 0).await;
        "ayi_fs::File::write_vectored_at" => |f| f.write_vectored_at(vec![vec![0]], 0).await;
        "ayi_fs::File::write_vectored_at" => |f| f.write_vectored_at(Vec::<Vec<u8>>::new(), 0).await;
    }
    #[cfg(feature = "tokio")]
    {
        use tokio::io::AsyncSeekExt as TokioSeekExt;
        let mut file = fs::File::from_std(std::fs::File::open(&path).unwrap());
        leaves
            .gives_way(&["ayi_fs::File::poll_complete"], async move || {
                TokioSeekExt::seek(&mut file, SeekFrom::Start(0)).await.unwrap();
            })
            .await;
    }
    leaves
        .gives_way(&["ayi_fs::File::into_std"], async move || {
            fs::File::from_std(std::fs::File::open(&path).unwrap()).into_std().await;
        })
        .await;
}
