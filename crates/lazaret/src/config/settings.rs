//! Every setting, with its default and what it is for.

/// One setting: its key, its default, what it is for.
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) default: &'static str,
    pub(crate) about: &'static str,
}

/// Every setting but the limits, sorted.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "actor.id",
        default: "operator",
        about: "who sends, as receipts name it: a user or service account",
    },
    Setting { key: "actor.role", default: "engineer", about: "the role the policy looks at" },
    Setting {
        key: "crossing.basis",
        default: "safe-harbor",
        about: "safe-harbor, expert, limited-data-set or identified",
    },
    Setting {
        key: "crossing.purpose",
        default: "operations",
        about: "treatment, payment, operations, research:PROTOCOL or public-health",
    },
    Setting { key: "crossing.system", default: "ehr", about: "the source system that patient ids belong to" },
    Setting {
        key: "data",
        default: "lazaret-data",
        about: "the data directory: ledger, vault, quarantine, policies",
    },
    Setting {
        key: "deadlines.call",
        default: "60 s",
        about: "one call of the source, ledger, vault or destination",
    },
    Setting {
        key: "deadlines.record",
        default: "30 s",
        about: "reading, inspecting and deciding one record",
    },
    Setting {
        key: "gates.models.admission_certificate",
        default: "",
        about: "the certificate of `serve --admission`, in PEM; read again when it changes. Without one it is served to this \
                machine alone, and in the clear",
    },
    Setting {
        key: "gates.models.admission_clients",
        default: "",
        about: "a PEM file of the authorities that certificates of API servers are believed by; empty: whoever reaches the port \
                is answered",
    },
    Setting {
        key: "gates.models.admission_exempt",
        default: "kube-system lazaret",
        about: "namespaces of Kubernetes in which everything is allowed: lazaret's own, and the system's",
    },
    Setting {
        key: "gates.models.admission_fail",
        default: "refuse",
        about: "what is done in mode enforce where it cannot be told in time whether a model was cleared: warn or refuse",
    },
    Setting {
        key: "gates.models.admission_key",
        default: "",
        about: "the key of `gates.models.admission_certificate`, in PEM",
    },
    Setting {
        key: "gates.models.admission_listen",
        default: "127.0.0.1",
        about: "the address that API servers ask on; one that other machines reach needs a certificate",
    },
    Setting {
        key: "gates.models.alert_days",
        default: "14",
        about: "how many days the owner of a model has, once something is found in it that was cleared",
    },
    Setting {
        key: "gates.models.authorities",
        default: "",
        about: "a PEM file of the certificate authorities that upstreams of models are believed by; empty: the system's",
    },
    Setting {
        key: "gates.models.cluster",
        default: "cluster",
        about: "what the cluster of Kubernetes is called in the ledger, where workloads with models run",
    },
    Setting {
        key: "gates.models.hub",
        default: "https://huggingface.co",
        about: "the Hugging Face hub that models are fetched from; empty: none",
    },
    Setting {
        key: "gates.models.hub_datasets",
        default: "false",
        about: "whether the hub's datasets are passed on: true or false",
    },
    Setting {
        key: "gates.models.hub_hosts",
        default: "*.huggingface.co *.hf.co",
        about: "the hosts that the hub may send to for large files; `*.` stands for all below a name",
    },
    Setting {
        key: "gates.models.hub_spaces",
        default: "false",
        about: "whether the hub's spaces are passed on: true or false",
    },
    Setting {
        key: "gates.models.index",
        default: "https://pypi.org/simple/",
        about: "the simple index (PEP 503, PEP 691) that packages are fetched from; empty: none",
    },
    Setting {
        key: "gates.models.index_hosts",
        default: "files.pythonhosted.org",
        about: "the hosts that the index may send to for files",
    },
    Setting {
        key: "gates.models.listen",
        default: "127.0.0.1",
        about: "the address that models are asked for on; until sign-in exists one of this machine alone",
    },
    Setting {
        key: "gates.models.mlflow",
        default: "",
        about: "the MLflow server that models are kept on and fetched from; empty: none",
    },
    Setting {
        key: "gates.models.mlflow_hosts",
        default: "",
        about: "the hosts that the MLflow server may send to; it is not followed to others",
    },
    Setting {
        key: "gates.models.mode",
        default: "observe",
        about: "what the models gate does with its verdicts: observe (all is inspected and recorded, nothing is kept back) or \
                enforce",
    },
    Setting {
        key: "gates.models.offline",
        default: "false",
        about: "true: no upstream is asked, and what was cleared before is given",
    },
    Setting {
        key: "gates.models.owner",
        default: "",
        about: "who has to do with a model that nobody asked for by name, once something is found in it",
    },
    Setting {
        key: "gates.models.platforms",
        default: "linux/amd64",
        about: "platforms of the cluster, by spaces: of an index of images these are looked at (admission)",
    },
    Setting {
        key: "gates.models.private_hosts",
        default: "",
        about: "upstreams that may lie at addresses of the house: mirrors of the hospital's own",
    },
    Setting {
        key: "gates.models.registry",
        default: "",
        about: "the registry of images and artifacts for names that begin with none of [gates.models.registries]: an address, \
                then the hosts it may send to; empty: none",
    },
    Setting {
        key: "gates.models.reserve",
        default: "1 GiB",
        about: "how much of the store's disk stays free: no file is fetched or taken that would leave less",
    },
    Setting {
        key: "gates.models.store",
        default: "",
        about: "the folder that cleared models lie in; empty: `models` in the data directory",
    },
    Setting {
        key: "gates.models.unnamed",
        default: "warn",
        about: "what is done with workloads whose model is not named for good (a tag, a bucket): warn or refuse",
    },
    Setting {
        key: "gates.models.verdicts_from",
        default: "",
        about: "the address of the `serve --admission` that has the ledger, for webhooks on other hosts; empty: this host has it",
    },
    Setting {
        key: "gates.models.verdicts_key",
        default: "",
        about: "the ledger's key, as `lazaret init` prints it: a copy of the verdicts is believed only if this key signed it",
    },
    Setting {
        key: "gates.models.verdicts_secret",
        default: "",
        about: "the file of the secret by which webhooks on other hosts are given the verdicts; empty: nobody is",
    },
    Setting {
        key: "gates.models.wait_connect",
        default: "10 s",
        about: "how long an upstream may take to be reached",
    },
    Setting {
        key: "gates.models.wait_read",
        default: "60 s",
        about: "how long an upstream may take to send its next bytes",
    },
    Setting {
        key: "keys.file",
        default: "",
        about: "the key-encryption key's file, outside the data directory; empty: the data directory's name \
                and `.key`, beside it. Not used where a passphrase opens the vault",
    },
    Setting { key: "lake", default: "lazaret-lake", about: "the lake records are written to" },
    Setting {
        key: "ledger.origin",
        default: "lazaret.localhost/ledger",
        about: "the name checkpoints are signed under (C2SP signed-note)",
    },
    Setting {
        key: "models.rules",
        default: "",
        about: "the hospital's own rules for model files: classes of its own, an allow list, patterns; empty: the data \
                directory's `models.toml`, if it is there",
    },
    Setting {
        key: "phi.gold",
        default: "",
        about: "marked notes of the hospital's own, as `phi annotate` saves them: proposed entries of its knowledge are \
                weighed on them; empty: none",
    },
    Setting {
        key: "phi.knowledge",
        default: "",
        about: "the file of what the hospital knows of its own texts; empty: none",
    },
    Setting {
        key: "phi.model.path",
        default: "",
        about: "the folder of a token classifier that looks beside the detectors; empty: none. Needs a lazaret built with \
                the feature `ner-model`. What its labels are here stands under [phi.model.labels]",
    },
    Setting {
        key: "phi.model.sha256",
        default: "",
        about: "the SHA-256 that its weights must have; empty: any",
    },
    Setting {
        key: "phi.model.threshold",
        default: "0.5",
        about: "the least probability, above 0 and at most 1, from which on it marks a word",
    },
    Setting { key: "workers.width", default: "0", about: "worker threads; 0 for one a processor" },
];
