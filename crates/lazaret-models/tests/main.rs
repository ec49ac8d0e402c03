//! What model files are said to be and to do.

mod main {
    mod corpus;
    mod graphs;
}
