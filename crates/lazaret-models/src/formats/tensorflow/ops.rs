//! What operators of TensorFlow do beside computing, by their exact names. Operators that are in the catalogue and not
//! here only compute.

use std::sync::LazyLock;

use lazaret_core::Severity;
use rustc_hash::FxHashSet;

/// What an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Calls a Python function of the process.
    Python,
    /// Reads any file that a tensor or attribute names.
    Reads,
    /// Writes any file, or sends to any host, that a tensor or attribute names.
    Writes,
    /// Maps a file, or lists files, that it names.
    Lists,
    /// Reads records, lines or tables from files: input of training, not of a model that serves.
    Input,
    /// Writes records, summaries or snapshots to files.
    Output,
    /// Talks to another process.
    Remote,
    /// Prints to the log, or to a file where it is told to.
    Prints,
    /// Runs another graph, which lies in a tensor and is not read here.
    Graph,
    /// An older way to save a checkpoint or to give a table away, which no recent writer leaves in a graph.
    Saves,
    /// What every writer leaves in a graph: saving, restoring, tables from assets.
    Usual,
}

impl Effect {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Python => "calls Python code",
            Self::Reads => "reads any file that the graph names",
            Self::Writes => "writes any file, or sends to any host, that the graph names",
            Self::Lists => "lists or maps files that the graph names",
            Self::Input => "reads records from files that the graph names",
            Self::Output => "writes to files that the graph names",
            Self::Remote => "talks to other processes",
            Self::Prints => "prints tensors to the log, or to a file that the graph names",
            Self::Graph => "runs another graph that lies in a tensor, which was not inspected",
            Self::Saves => {
                "saves tensors or gives tables away in a way that no recent writer leaves in a graph"
            }
            Self::Usual => "saves or restores, as writers leave it in a graph",
        }
    }

    pub(crate) const fn severity(self) -> Severity {
        match self {
            Self::Python | Self::Reads | Self::Writes => Severity::Critical,
            Self::Lists | Self::Input | Self::Output | Self::Remote | Self::Graph => Severity::High,
            Self::Prints | Self::Saves => Severity::Medium,
            Self::Usual => Severity::Info,
        }
    }
}

/// Sorted by name.
const EFFECTS: &[(&str, Effect)] = &[
    ("CSVDataset", Effect::Input),
    ("CSVDatasetV2", Effect::Input),
    ("CacheDataset", Effect::Output),
    ("CacheDatasetV2", Effect::Output),
    ("CreateSummaryDbWriter", Effect::Output),
    ("CreateSummaryFileWriter", Effect::Output),
    ("DataServiceDataset", Effect::Remote),
    ("DataServiceDatasetV2", Effect::Remote),
    ("DataServiceDatasetV3", Effect::Remote),
    ("DataServiceDatasetV4", Effect::Remote),
    ("DatasetFromGraph", Effect::Graph),
    ("DatasetToTFRecord", Effect::Output),
    ("DebugIdentity", Effect::Writes),
    ("DebugIdentityV2", Effect::Writes),
    ("DebugIdentityV3", Effect::Writes),
    ("DebugNanCount", Effect::Writes),
    ("DebugNumericSummary", Effect::Writes),
    ("DebugNumericSummaryV2", Effect::Writes),
    ("DistributedSave", Effect::Output),
    ("EagerPyFunc", Effect::Python),
    ("ExperimentalCSVDataset", Effect::Input),
    ("ExperimentalDatasetToTFRecord", Effect::Output),
    ("ExperimentalLMDBDataset", Effect::Input),
    ("ExperimentalMatchingFilesDataset", Effect::Lists),
    ("ExperimentalSqlDataset", Effect::Input),
    ("FileSystemSetConfiguration", Effect::Remote),
    ("FixedLengthRecordDataset", Effect::Input),
    ("FixedLengthRecordDatasetV2", Effect::Input),
    ("FixedLengthRecordReader", Effect::Input),
    ("FixedLengthRecordReaderV2", Effect::Input),
    ("GenerateVocabRemapping", Effect::Input),
    ("ImmutableConst", Effect::Lists),
    ("InitializeTableFromTextFile", Effect::Usual),
    ("InitializeTableFromTextFileV2", Effect::Usual),
    ("LMDBDataset", Effect::Input),
    ("LMDBReader", Effect::Input),
    ("ListSnapshotChunksDataset", Effect::Lists),
    ("LoadAndRemapMatrix", Effect::Input),
    ("LoadDataset", Effect::Input),
    ("LookupTableExport", Effect::Saves),
    ("LookupTableExportV2", Effect::Usual),
    ("MatchingFiles", Effect::Lists),
    ("MatchingFilesDataset", Effect::Lists),
    ("MergeV2Checkpoints", Effect::Usual),
    ("Print", Effect::Prints),
    ("PrintV2", Effect::Prints),
    ("PyFunc", Effect::Python),
    ("PyFuncStateless", Effect::Python),
    ("ReadFile", Effect::Reads),
    ("RecordInput", Effect::Input),
    ("RegisterDataset", Effect::Remote),
    ("RegisterDatasetV2", Effect::Remote),
    ("RemoteCall", Effect::Remote),
    ("RemoteFusedGraphExecute", Effect::Remote),
    ("Restore", Effect::Usual),
    ("RestoreSlice", Effect::Usual),
    ("RestoreV2", Effect::Usual),
    ("RpcCall", Effect::Remote),
    ("RpcClient", Effect::Remote),
    ("RpcServer", Effect::Remote),
    ("RpcServerRegister", Effect::Remote),
    ("RpcServerStart", Effect::Remote),
    ("Save", Effect::Saves),
    ("SaveDataset", Effect::Output),
    ("SaveDatasetV2", Effect::Output),
    ("SaveSlices", Effect::Saves),
    ("SaveV2", Effect::Usual),
    ("SnapshotChunkDataset", Effect::Input),
    ("SnapshotDataset", Effect::Output),
    ("SnapshotDatasetReader", Effect::Input),
    ("SnapshotDatasetV2", Effect::Output),
    ("SnapshotNestedDatasetReader", Effect::Input),
    ("SqlDataset", Effect::Input),
    ("TFRecordDataset", Effect::Input),
    ("TFRecordDatasetV2", Effect::Input),
    ("TFRecordReader", Effect::Input),
    ("TFRecordReaderV2", Effect::Input),
    ("TextLineDataset", Effect::Input),
    ("TextLineReader", Effect::Input),
    ("TextLineReaderV2", Effect::Input),
    ("WholeFileReader", Effect::Input),
    ("WholeFileReaderV2", Effect::Input),
    ("WriteFile", Effect::Writes),
];

static KNOWN: LazyLock<FxHashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../../../../catalogue/models/tensorflow_ops.txt").lines().collect());

/// What an operator does beside computing, if it does.
pub(crate) fn effect(operator: &str) -> Option<Effect> {
    let found = EFFECTS.binary_search_by_key(&operator, |(name, _)| name).ok()?;
    EFFECTS.get(found).map(|(_, effect)| *effect)
}

/// Whether it gives a table away as tensors, and takes no path.
pub(crate) fn exports(operator: &str) -> bool {
    operator.starts_with("LookupTableExport")
}

/// Whether an operator is part of TensorFlow.
pub(crate) fn is_known(operator: &str) -> bool {
    KNOWN.contains(operator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_sorted_and_of_operators_that_exist() {
        assert!(EFFECTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let old = ["DebugIdentityV2", "RemoteFusedGraphExecute", "DataServiceDatasetV2"];
        let unknown: Vec<_> = EFFECTS
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !is_known(name) && !old.contains(name))
            .collect();
        assert_eq!(unknown, [""; 0]);
        assert!(is_known("MatMul") && !is_known("EvilCorpRun") && !is_known(""));
    }
}
