import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    kotlin("jvm")
}

// What Android's tools take of a plain JVM library.
java {
    sourceCompatibility = JavaVersion.VERSION_11
    targetCompatibility = JavaVersion.VERSION_11
}
kotlin {
    compilerOptions { jvmTarget.set(JvmTarget.JVM_11) }
}

// The tests have a main function of their own: `make android` runs them where no Gradle is.
tasks.register<JavaExec>("vectors") {
    classpath = sourceSets["test"].runtimeClasspath
    mainClass.set("mobilecat.kit.MainKt")
    args("../../golden/vectors", "../../ios_sample/MobileCatKit/Tests/Fixtures")
    workingDir = projectDir
}
