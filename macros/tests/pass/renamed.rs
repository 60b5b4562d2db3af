// The option `crate`, in all its spellings.

mod framework {
    pub use ayi as runtime;
}

use framework::runtime as rt;

fn main() {
    assert_eq!(short() + path() + absolute() + string() + absolute_string() + relative() + dollar(), 127);
}

#[rt::main(crate = rt)]
async fn short() -> u32 {
    64
}

#[rt::main(crate = crate::framework::runtime,)]
async fn path() -> u32 {
    1
}

#[rt::main(crate = ::ayi)]
async fn absolute() -> u32 {
    2
}

#[rt::main(crate = "crate::framework::runtime")]
async fn string() -> u32 {
    4
}

#[rt::main(crate = "::ayi")]
async fn absolute_string() -> u32 {
    8
}

#[rt::main(crate = self::rt)]
async fn relative() -> u32 {
    16
}

macro_rules! define {
    ($name:ident) => {
        #[rt::main(crate = $crate::framework::runtime)]
        async fn $name() -> u32 {
            32
        }
    };
}

define!(dollar);
