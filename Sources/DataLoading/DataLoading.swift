// DataLoading
