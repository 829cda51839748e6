fn main() {
    imagenette_source::gather();
}
