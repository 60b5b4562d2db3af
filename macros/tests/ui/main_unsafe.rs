unsafe fn dangerous() {}

#[ayi::main]
async unsafe fn main() {
    unsafe { dangerous() };
}
