//! The smallest program that can be a worker, for the tests.

fn main() {
    tieline_extract::serve_if_asked();
}
