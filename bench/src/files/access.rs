//! Files on each runtime, used as its documentation recommends.

use crate::runtimes::{Ayi, Compio, Glommio, MonoioUring, Runtime, Smol, Tokio};
use std::io::{self, SeekFrom};
use std::ops::Deref;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// What the runtimes can do with files.
pub trait Files: Runtime {
    type File: 'static;
    /// The bytes that were read.
    type Block: Deref<Target = [u8]> + 'static;

    async fn open(path: &Path) -> io::Result<Self::File>;

    async fn create(path: &Path) -> io::Result<Self::File>;

    /// Reads so many bytes. `used` is a block that is no longer needed.
    async fn read_at(
        file: &mut Self::File,
        used: Option<Self::Block>,
        len: usize,
        at: u64,
    ) -> io::Result<Self::Block>;

    /// Writes all of `block`, and returns it.
    async fn write_at(file: &mut Self::File, block: Vec<u8>, at: u64) -> io::Result<Vec<u8>>;

    /// Waits until the kernel has everything that was written.
    async fn flush(_file: &mut Self::File) -> io::Result<()> {
        Ok(())
    }

    async fn close(_file: Self::File) -> io::Result<()> {
        Ok(())
    }

    /// Reads a whole file.
    async fn read(path: &Path) -> io::Result<Self::Block>;

    /// Checks that files went the way that should be measured.
    fn check() -> io::Result<()> {
        Ok(())
    }
}

/// Makes room for `len` bytes.
fn room(used: Option<Vec<u8>>, len: usize) -> Vec<u8> {
    let mut block = used.unwrap_or_default();
    block.clear();
    block.reserve_exact(len);
    block
}

impl Files for Ayi {
    type File = ayi::fs::File;
    type Block = Vec<u8>;

    async fn open(path: &Path) -> io::Result<Self::File> {
        ayi::fs::File::open(path).await
    }

    async fn create(path: &Path) -> io::Result<Self::File> {
        ayi::fs::File::create(path).await
    }

    async fn read_at(
        file: &mut Self::File,
        used: Option<Vec<u8>>,
        len: usize,
        at: u64,
    ) -> io::Result<Vec<u8>> {
        let (result, block) = file.read_at(room(used, len), at).await;
        result.map(|_| block)
    }

    async fn write_at(file: &mut Self::File, block: Vec<u8>, at: u64) -> io::Result<Vec<u8>> {
        let (result, block) = file.write_all_at(block, at).await;
        result.map(|()| block)
    }

    async fn read(path: &Path) -> io::Result<Vec<u8>> {
        ayi::fs::read(path).await
    }

    fn check() -> io::Result<()> {
        match ayi::runtime::Handle::current().metrics().uses_io_uring() {
            Some(false) => Err(io::Error::other("the system refuses io_uring, files went to the pool")),
            _ => Ok(()),
        }
    }
}

/// A file that has a position, and that position: seeking to where it is already would cost something.
pub struct Placed<F> {
    file: F,
    position: u64,
}

/// The runtimes whose files are streams.
macro_rules! streams {
    ($runtime:ty, $crate_name:ident) => {
        impl Files for $runtime {
            type File = Placed<$crate_name::fs::File>;
            type Block = Vec<u8>;

            async fn open(path: &Path) -> io::Result<Self::File> {
                Ok(Placed { file: $crate_name::fs::File::open(path).await?, position: 0 })
            }

            async fn create(path: &Path) -> io::Result<Self::File> {
                Ok(Placed { file: $crate_name::fs::File::create(path).await?, position: 0 })
            }

            async fn read_at(
                file: &mut Self::File,
                used: Option<Vec<u8>>,
                len: usize,
                at: u64,
            ) -> io::Result<Vec<u8>> {
                use $crate_name::io::{AsyncReadExt, AsyncSeekExt};
                if file.position != at {
                    file.file.seek(SeekFrom::Start(at)).await?;
                }
                let mut block = used.unwrap_or_default();
                block.resize(len, 0);
                file.file.read_exact(&mut block).await?;
                file.position = at + len as u64;
                Ok(block)
            }

            async fn write_at(file: &mut Self::File, block: Vec<u8>, at: u64) -> io::Result<Vec<u8>> {
                use $crate_name::io::{AsyncSeekExt, AsyncWriteExt};
                if file.position != at {
                    file.file.seek(SeekFrom::Start(at)).await?;
                }
                file.file.write_all(&block).await?;
                file.position = at + block.len() as u64;
                Ok(block)
            }

            async fn flush(file: &mut Self::File) -> io::Result<()> {
                $crate_name::io::AsyncWriteExt::flush(&mut file.file).await
            }

            async fn read(path: &Path) -> io::Result<Vec<u8>> {
                $crate_name::fs::read(path).await
            }
        }
    };
}

streams!(Tokio, tokio);
streams!(Smol, smol);

/// tokio, with calls of std on its pool.
pub struct TokioPool;

impl Runtime for TokioPool {
    fn block_on<F: Future>(future: F) -> F::Output {
        Tokio::block_on(future)
    }

    fn spawn<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        Tokio::spawn(future)
    }

    fn sleep(duration: std::time::Duration) -> impl Future<Output = ()> {
        Tokio::sleep(duration)
    }

    fn spawn_blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
        Tokio::spawn_blocking(f)
    }
}

impl Files for TokioPool {
    type File = Arc<std::fs::File>;
    type Block = Vec<u8>;

    async fn open(path: &Path) -> io::Result<Self::File> {
        std::fs::File::open(path).map(Arc::new)
    }

    async fn create(path: &Path) -> io::Result<Self::File> {
        std::fs::File::create(path).map(Arc::new)
    }

    async fn read_at(
        file: &mut Self::File,
        used: Option<Vec<u8>>,
        len: usize,
        at: u64,
    ) -> io::Result<Vec<u8>> {
        let file = file.clone();
        Self::spawn_blocking(move || {
            let mut block = used.unwrap_or_default();
            block.resize(len, 0);
            file.read_exact_at(&mut block, at).map(|()| block)
        })
        .await
    }

    async fn write_at(file: &mut Self::File, block: Vec<u8>, at: u64) -> io::Result<Vec<u8>> {
        let file = file.clone();
        Self::spawn_blocking(move || file.write_all_at(&block, at).map(|()| block)).await
    }

    async fn read(path: &Path) -> io::Result<Vec<u8>> {
        let path = path.to_owned();
        Self::spawn_blocking(|| std::fs::read(path)).await
    }
}

impl Files for MonoioUring {
    type File = monoio::fs::File;
    type Block = Vec<u8>;

    async fn open(path: &Path) -> io::Result<Self::File> {
        monoio::fs::File::open(path).await
    }

    async fn create(path: &Path) -> io::Result<Self::File> {
        monoio::fs::File::create(path).await
    }

    async fn read_at(
        file: &mut Self::File,
        used: Option<Vec<u8>>,
        len: usize,
        at: u64,
    ) -> io::Result<Vec<u8>> {
        let (result, block) = file.read_at(room(used, len), at).await;
        result.map(|_| block)
    }

    async fn write_at(file: &mut Self::File, block: Vec<u8>, at: u64) -> io::Result<Vec<u8>> {
        let (result, block) = file.write_all_at(block, at).await;
        result.map(|()| block)
    }

    async fn close(file: Self::File) -> io::Result<()> {
        file.close().await
    }

    async fn read(path: &Path) -> io::Result<Vec<u8>> {
        monoio::fs::read(path).await
    }
}

/// `BufferedFile`, which goes through the page cache.
impl Files for Glommio {
    type File = glommio::io::BufferedFile;
    type Block = glommio::io::ReadResult;

    async fn open(path: &Path) -> io::Result<Self::File> {
        Ok(glommio::io::BufferedFile::open(path).await?)
    }

    async fn create(path: &Path) -> io::Result<Self::File> {
        Ok(glommio::io::BufferedFile::create(path).await?)
    }

    async fn read_at(
        file: &mut Self::File,
        _used: Option<Self::Block>,
        len: usize,
        at: u64,
    ) -> io::Result<Self::Block> {
        Ok(file.read_at(at, len).await?)
    }

    async fn write_at(file: &mut Self::File, block: Vec<u8>, at: u64) -> io::Result<Vec<u8>> {
        // It keeps what it is given.
        match file.write_at(block.clone(), at).await? {
            written if written == block.len() => Ok(block),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    async fn close(file: Self::File) -> io::Result<()> {
        Ok(file.close().await?)
    }

    async fn read(path: &Path) -> io::Result<Self::Block> {
        let file = Self::open(path).await?;
        let size = file.file_size().await?;
        let contents = file.read_at(0, size as usize).await?;
        file.close().await?;
        Ok(contents)
    }
}

impl Files for Compio {
    type File = compio::fs::File;
    type Block = Vec<u8>;

    async fn open(path: &Path) -> io::Result<Self::File> {
        compio::fs::File::open(path).await
    }

    async fn create(path: &Path) -> io::Result<Self::File> {
        compio::fs::File::create(path).await
    }

    async fn read_at(
        file: &mut Self::File,
        used: Option<Vec<u8>>,
        len: usize,
        at: u64,
    ) -> io::Result<Vec<u8>> {
        let compio::BufResult(result, block) =
            compio::io::AsyncReadAt::read_at(file, room(used, len), at).await;
        result.map(|_| block)
    }

    async fn write_at(file: &mut Self::File, block: Vec<u8>, at: u64) -> io::Result<Vec<u8>> {
        let compio::BufResult(result, block) =
            compio::io::AsyncWriteAtExt::write_all_at(file, block, at).await;
        result.map(|()| block)
    }

    async fn close(file: Self::File) -> io::Result<()> {
        file.close().await
    }

    async fn read(path: &Path) -> io::Result<Vec<u8>> {
        compio::fs::read(path).await
    }
}
