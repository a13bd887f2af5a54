// Sizes that the data decide: what has one is launched after it is known, in memory of its own.
// RUN: nnf-opt %s -split-input-file -nnf-decompose -canonicalize -cse -nnf-form-groups | FileCheck %s --check-prefix=GROUPS
// RUN: nnf-opt %s -split-input-file -nnf-decompose -canonicalize -cse -nnf-form-groups -nnf-copy-outputs -nnf-plan-memory | FileCheck %s --check-prefix=MEMORY

// exp and the count do not wait; what has size(0) does, and is not in a kernel with what does not.
// GROUPS-LABEL: module @rows
// GROUPS: func.func @main
// GROUPS-NOT: nnf.launch {{.*}}size(0)
// GROUPS: nnf.launch {{.*}} : (tensor<10xf32>) -> tensor<10xf32>
// GROUPS-NOT: nnf.launch {{.*}}size(0)
// GROUPS: nnf.size %{{.*}}, 0 : tensor<i64>
// GROUPS-NOT: nnf.launch {{.*}} -> tensor<10
// GROUPS: nnf.launch {{.*}}size(0)
// GROUPS-NOT: nnf.size
// GROUPS: return

// MEMORY-LABEL: module @rows
// MEMORY: func.func @main{{.*}}nnf.arena = [#nnf.dims<[{{[0-9]+}}]>, #nnf.dims<[size(0) ceildiv 8 * 64]>]
module @rows {
  func.func @main(%m: tensor<10xi64>, %x: tensor<10xf32>) -> (tensor<?xf32, #nnf.dims<[size(0)]>>, tensor<10xf32>) {
    %at = nnf.nonzero %m {nnf.size = 0 : i64} : (tensor<10xi64>) -> tensor<?x1xi64, #nnf.dims<[size(0), 1]>>
    %rows = nnf.squeeze %at {dim = array<i64: 1>} : (tensor<?x1xi64, #nnf.dims<[size(0), 1]>>) -> tensor<?xi64, #nnf.dims<[size(0)]>>
    %some = nnf.index_select %x, %rows {dim = 0 : i64} : (tensor<10xf32>, tensor<?xi64, #nnf.dims<[size(0)]>>) -> tensor<?xf32, #nnf.dims<[size(0)]>>
    %e = nnf.exp %x : (tensor<10xf32>) -> tensor<10xf32>
    return %some, %e : tensor<?xf32, #nnf.dims<[size(0)]>>, tensor<10xf32>
  }
}

// -----

// The second size is of data that have the first.
// GROUPS-LABEL: module @twice
// GROUPS: func.func @main
// GROUPS: nnf.size %{{.*}}, 0
// GROUPS: nnf.launch {{.*}}size(0)
// GROUPS: nnf.size %{{.*}}, 3
// GROUPS: nnf.launch {{.*}}size(3)
// GROUPS: return

// MEMORY-LABEL: module @twice
// MEMORY: func.func @main{{.*}}nnf.arena = [#nnf.dims<[{{[0-9]+}}]>, #nnf.dims<[{{.*}}size(0){{.*}}]>, #nnf.dims<[size(3){{.*}}]>
module @twice {
  func.func @main(%m: tensor<10xi64>) -> tensor<?x2xi64, #nnf.dims<[size(3), 2]>> {
    %at = nnf.nonzero %m {nnf.size = 0 : i64} : (tensor<10xi64>) -> tensor<?x1xi64, #nnf.dims<[size(0), 1]>>
    %again = nnf.nonzero %at {nnf.size = 3 : i64} : (tensor<?x1xi64, #nnf.dims<[size(0), 1]>>) -> tensor<?x2xi64, #nnf.dims<[size(3), 2]>>
    return %again : tensor<?x2xi64, #nnf.dims<[size(3), 2]>>
  }
}

// -----

// Kernels that differ in which op decides a size are one.
// GROUPS-LABEL: module @alike
// GROUPS: nnf.launch @[[KERNEL:[a-z0-9]+]]{{.*}}size(0)
// GROUPS: nnf.launch @[[KERNEL]]{{.*}}size(1)
module @alike {
  func.func @main(%m: tensor<10xi64>, %n: tensor<10xi64>) -> (tensor<?x1xi64, #nnf.dims<[size(0), 1]>>, tensor<?x1xi64, #nnf.dims<[size(1), 1]>>) {
    %first = nnf.nonzero %m {nnf.size = 0 : i64} : (tensor<10xi64>) -> tensor<?x1xi64, #nnf.dims<[size(0), 1]>>
    %second = nnf.nonzero %n {nnf.size = 1 : i64} : (tensor<10xi64>) -> tensor<?x1xi64, #nnf.dims<[size(1), 1]>>
    return %first, %second : tensor<?x1xi64, #nnf.dims<[size(0), 1]>>, tensor<?x1xi64, #nnf.dims<[size(1), 1]>>
  }
}
